#!/usr/bin/env python3
"""Print template.yaml as SAM translates it, for linters that read CloudFormation."""

import json
import sys
from pathlib import Path

from tavus_callbacks_cli.local_stack.template.template import translate

sys.stdout.write(json.dumps(translate(Path("template.yaml"), {}), indent=1) + "\n")
