"""What judges are made of: packages, tools in environments of their own, and the clients made of our two documents."""

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.conformance.judges import ARIADNE, CLIENTS, DOCUMENT, HERE, REST_CLIENT, ROOT, SDL, VENVS, WORK
from tests.conformance.stand import KEY, OTHER_KEY

DOCUMENTS = WORK / "documents"
"""Manifests of trusted documents, as the generators wrote them."""


def installed() -> None:
    """Everything the judges are made of, once; again when what is wanted changes."""
    for name in ("package.json", "spectral.yaml", "audits.mjs", "browsers.mjs", "openai.mjs"):
        WORK.mkdir(exist_ok=True)
        shutil.copy(HERE / name, WORK / name)
    wanted = msgspec.json.encode([VENVS, (HERE / "package.json").read_text()])
    stamp = WORK / "installed"
    if stamp.exists() and stamp.read_bytes() == wanted:
        return
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
    for venv in VENVS:
        run(uv(), "venv", "--quiet", "--clear", "--python", sys.executable, venv.name)
        run(uv(), "pip", "install", "--quiet", "--python", venv("python"), *venv.packages)
    stamp.write_bytes(wanted)


def generated() -> None:
    """The clients that generators make of our two documents, compiled strictly."""
    shutil.rmtree(CLIENTS, ignore_errors=True)
    shutil.copytree(HERE / "clients", CLIENTS)
    for folder in (CLIENTS, CLIENTS / "relay"):
        shutil.copy(SDL, folder / "schema.graphql")
    (CLIENTS / "relay" / "persisted.json").write_text("{}")
    run("npx", "openapi-typescript", DOCUMENT, "-o", "rest.d.ts", folder=CLIENTS)
    run("npx", "graphql-codegen", "--config", "codegen.ts", folder=CLIENTS)
    run("npx", "relay-compiler", folder=CLIENTS / "relay")
    run("npx", "tsc", "-p", ".", folder=CLIENTS)
    package = ("--config", "generated_rest.yaml", "--meta", "none", "--output-path", "filmgate_client")
    generate = (REST_CLIENT("openapi-python-client"), "generate", "--path", DOCUMENT, *package)
    run(*generate, "--fail-on-warning", folder=CLIENTS)
    run(ARIADNE("ariadne-codegen"), "--config", "ariadne.toml", folder=CLIENTS)
    DOCUMENTS.mkdir(exist_ok=True)
    shutil.copy(CLIENTS / "generated" / "persisted-documents.json", DOCUMENTS / "codegen.json")
    shutil.copy(CLIENTS / "relay" / "persisted.json", DOCUMENTS / "relay.json")


def acquainted() -> None:
    """Two tenants, for the judge that tries what one may see of the other."""
    neighbours = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}
        for name, key in (("judge", KEY), ("beside", OTHER_KEY))
    ]
    (WORK / "wfc.yaml").write_bytes(msgspec.yaml.encode({"auth": neighbours}))
    peers = '\n[auth.wfc]\npath = "wfc.yaml"\npeers = ["judge", "beside"]\n'
    (WORK / "peers.toml").write_text((HERE / "schemathesis.toml").read_text() + peers)


def run(*command: str, folder: Path = WORK) -> None:
    """Raises CalledProcessError, with what the command said."""
    done = subprocess.run(command, check=False, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout)
        done.check_returncode()


def uv() -> str:
    return shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
