"""Makes a container image from this machine's Python, as an OCI image layout, and a language file for it.

    course_image.py DIRECTORY

DIRECTORY/image is the layout, with one layer: Python, its standard library, and the package `course`, which only the image has.
DIRECTORY/python-course.toml is the language file: a version of Python whose number the image itself states. The format is described in
https://github.com/opencontainers/image-spec/blob/main/image-layout.md.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import sysconfig
import tarfile

DIRECTORY = sys.argv[1]
PYTHON = os.path.realpath("/usr/bin/python3")
LIBRARY = sysconfig.get_path("stdlib")
LANGUAGE = """
name       = "Python (course)"
image      = "course/python:2026"
version_of = "python"
extensions = []
source     = "main.py"
execute    = ["python3", "{source}"]
version    = { command = ["python3", "-c", "import course; print(course.VERSION)"] }
[[samples]]
name   = "the course's package"
source = "import course; print(course.VERSION)"
stdout = "3.9.0\\n"
"""


def layer():
    """A tar archive with Python and the package."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:

        def directory(name):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)

        for link in ["bin", "lib", "lib64"]:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{link}"
            archive.addfile(entry)
        archive.add(PYTHON, "usr/bin/python3")
        listed = subprocess.run(["ldd", PYTHON], stdout=subprocess.PIPE, text=True, check=True).stdout
        for path in sorted({word for word in listed.split() if word.startswith("/")}):
            inside = path.lstrip("/")
            archive.add(os.path.realpath(path), inside if inside.startswith("usr/") else f"usr/{inside}")
        skipped = ("/test", "/__pycache__", "/config-")
        archive.add(LIBRARY, LIBRARY.lstrip("/"), filter=lambda entry: None if any(part in entry.name for part in skipped) else entry)
        directory("course")
        text = b"VERSION = '3.9.0'\n"
        entry = tarfile.TarInfo("course/course.py")
        entry.size, entry.mode = len(text), 0o644
        archive.addfile(entry, io.BytesIO(text))
    return written.getvalue()


def blob(content, media_type):
    """Writes a blob. Returns its descriptor."""
    digest = hashlib.sha256(content).hexdigest()
    with open(f"{DIRECTORY}/image/blobs/sha256/{digest}", "wb") as file:
        file.write(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def write(path, value):
    with open(f"{DIRECTORY}/{path}", "w", encoding="utf-8") as file:
        file.write(value)


os.makedirs(f"{DIRECTORY}/image/blobs/sha256")
content = layer()
config = json.dumps({
    "architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/usr/bin", "PYTHONPATH=/course"]},
    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]},
})
manifest = json.dumps({
    "schemaVersion": 2,
    "config": blob(config.encode(), "application/vnd.oci.image.config.v1+json"),
    "layers": [blob(content, "application/vnd.oci.image.layer.v1.tar")],
})
listed = blob(manifest.encode(), "application/vnd.oci.image.manifest.v1+json")
write("image/oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}))
write("image/index.json", json.dumps({"schemaVersion": 2, "manifests": [listed]}))
write("python-course.toml", LANGUAGE)
