"""What users may rely on (the guide Compatibility), as one list in interface.txt, which `make public` writes."""

from tests.collection import ROOT

LIST = ROOT / "tests" / "public" / "interface.txt"
