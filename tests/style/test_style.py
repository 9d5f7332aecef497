# SPDX-License-Identifier: Apache-2.0
"""The house rules as tests: format, sizes, layers, licence lines, generated files."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ["core", "config", "otlp", "transport", "pipeline", "extensions", "receivers", "processors", "exporters", "app"]
SHARED = "shared"  # beside the components' folders: what several of them use
KINDS = ["extensions", "receivers", "processors", "exporters"]
SOURCES = [ROOT / p for p in subprocess.run([ROOT / "tools/sources.sh"], capture_output=True, text=True, check=True).stdout.split()]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def relative(path):
    return str(path.relative_to(ROOT))


def test_there_are_sources():
    assert len(SOURCES) > 100


def test_every_source_is_formatted():
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *SOURCES], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]


def test_functions_and_files_keep_their_size():
    long = []
    for path in SOURCES:
        lines = path.read_text().splitlines()
        if len(lines) > 1000:
            long.append(f"{relative(path)}: {len(lines)} lines")
        start = None
        for number, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                if number - start > 70:
                    long.append(f"{relative(path)}:{start}: a function of {number - start} lines")
                start = None
    assert not long


def test_every_file_has_its_licence_line():
    missing = [relative(p) for p in SOURCES if "SPDX-License-Identifier: Apache-2.0" not in p.read_text().split("\n", 1)[0]]
    for name in TRACKED:
        path = ROOT / name
        if path.suffix in (".py", ".sh", ".cmake") and path.exists():
            if "SPDX-License-Identifier: Apache-2.0" not in "".join(path.read_text().splitlines(True)[:3]):
                missing.append(name)
    assert not missing


def test_a_folder_includes_only_from_folders_above_it():
    wrong = []
    for path in SOURCES:
        top = path.relative_to(ROOT).parts[0]
        if top not in LAYERS:
            continue
        for include in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            target = include.split("/")[0]
            if target not in LAYERS:
                wrong.append(f"{relative(path)} includes {include}")
            elif LAYERS.index(target) > LAYERS.index(top):
                wrong.append(f"{relative(path)} includes {include} upwards")
            elif top in KINDS and target in KINDS and f"/{SHARED}/" not in include and include.split("/")[:2] != list(path.relative_to(ROOT).parts[:2]):
                wrong.append(f"{relative(path)} includes {include} of another component")
    assert not wrong


def test_banned_functions_are_not_called():
    banned = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|localtime|gmtime|asctime|ctime|rand|alloca)\s*\(")
    found = [f"{relative(p)}: {m.group(0)}" for p in SOURCES for m in banned.finditer(p.read_text())]
    assert not found


def test_heap_memory_comes_through_the_allocator():
    direct = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free|strdup|strndup)\s*\(")
    found = [f"{relative(p)}: {m.group(0)}" for p in SOURCES
             if p.relative_to(ROOT).parts[0] in LAYERS and relative(p) != "core/alloc.c"
             for m in direct.finditer(re.sub(r"/\*.*?\*/", "", p.read_text(), flags=re.S))]
    assert not found


def test_every_component_has_its_page_with_an_example():
    names = []
    for kind in KINDS:
        for folder in sorted((ROOT / kind).iterdir()):
            if folder.is_dir() and folder.name != SHARED:
                page = folder / "README.md"
                assert page.exists(), f"{kind}/{folder.name} has no README.md"
                assert "```yaml" in page.read_text(), f"{page} has no example"
                names.append(folder.name)
    assert len(names) >= 12


@pytest.mark.parametrize("script", ["tools/generate.sh"])
def test_generated_sources_are_fresh(script):
    done = subprocess.run([ROOT / script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reference_pages_are_fresh():
    binary = os.environ.get("SLUICE", ROOT / "build/release/sluice")
    done = subprocess.run([ROOT / "tools/reference.sh", binary, "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[:4000]


def test_links_in_the_documentation_lead_somewhere():
    broken = []
    for name in TRACKED:
        if not name.endswith(".md"):
            continue
        page = ROOT / name
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{name}: {target}")
    assert not broken
