#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up the JUnit reports of a folder; the last line is the count. Fails when a
report is missing, empty or has a test that failed or was skipped."""
import pathlib
import sys
import xml.etree.ElementTree as tree

EXPECTED = ["unit-dev", "unit-asan", "style", "scenario-release", "scenario-asan"]
passed = failed = 0
for name in EXPECTED:
    path = pathlib.Path(sys.argv[1]) / f"{name}.xml"
    good = bad = 0
    if path.exists():
        for case in tree.parse(path).getroot().iter("testcase"):
            wrong = any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
            wrong |= case.get("status", "run") not in ("run", "passed")
            bad, good = bad + wrong, good + (not wrong)
    if good + bad == 0:
        bad = 1
        print(f"{name}: no report")
    print(f"{name}: {good} passed, {bad} failed")
    passed, failed = passed + good, failed + bad
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
