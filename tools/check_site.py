# SPDX-License-Identifier: BSD-3-Clause
"""Look whether a page of the site would fetch anything from elsewhere: scripts, styles, fonts, pictures.

    python tools/check_site.py build/site    # exit code 1, and what it is, if so

Readers behind a firewall see the whole site then, and nobody else learns what they read.
"""

import re
import sys
from pathlib import Path

# A link that somebody clicks may lead anywhere; these are followed by themselves.
FETCHED = {
    ".html": re.compile(
        r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=[\"']((?:https?:)?//[^\"']+)"
        r"|<link\b(?=[^>]*\brel=[\"'](?:stylesheet|preload|preconnect|icon|modulepreload))[^>]*"
        r"\bhref=[\"']((?:https?:)?//[^\"']+)"
    ),
    ".css": re.compile(r"url\(\s*[\"']?((?:https?:)?//[^)\"']+)|@import\s+[\"']((?:https?:)?//[^\"']+)"),
}


def main() -> int:
    site = Path(sys.argv[1])
    pages = [path for path in sorted(site.rglob("*")) if path.suffix in FETCHED]
    if not any(path.suffix == ".html" for path in pages):
        print(f"there is no page in {site}")
        return 1
    wrong = 0
    for path in pages:
        for found in FETCHED[path.suffix].finditer(path.read_text(encoding="utf-8")):
            print(f"{path.relative_to(site)} fetches {found[1] or found[2]}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
