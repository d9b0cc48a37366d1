"""Deploys to AWS: a CDK app that knows of the rest of the code only what `state_machines` says.

The CDK's Python runs on Node. A release of it that AWS supports is installed as a package, beside
this interpreter; it is preferred to whatever else this machine may have.
"""

import os
import sys
from pathlib import Path

_NODE = Path(sys.executable).parent / "node"
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))
