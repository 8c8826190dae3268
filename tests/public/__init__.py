"""What users may rely on (docs/compatibility.md), as one list in docs/public.json, which `make public` writes."""

from tests.collection import ROOT

LIST = ROOT / "docs" / "public.json"
