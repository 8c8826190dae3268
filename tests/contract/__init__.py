"""One fact, several copies: these tests hold the copies together."""
