"""Pictures: sent once, refused where they are none, and given to each provider account that needs them."""

import asyncio
import base64
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.sandbox.settings import SandboxAccount, SandboxSettings
from tests.support.running import ACME_KEY, SPEED, Running, Setup, running

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
