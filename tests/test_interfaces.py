"""Every provider has the methods of its interface, with fitting signatures."""

from __future__ import annotations

import pytest
from zope.interface import Interface
from zope.interface.verify import verifyClass

from z4tw import interfaces
from z4tw.blobs.disk import OsDisk
from z4tw.blobs.files import FileBlobStore
from z4tw.blobs.memory import MemoryBlobStore
from z4tw.keyring.local import LocalKeyring, LocalKeyringFactory
from z4tw.metadata.memory import MemoryStore
from z4tw.metadata.remote import RemoteStore
from z4tw.metadata.sqlite import SqliteStore
from z4tw.ops.routing import LocalRouter
from z4tw.ops.service import S3Service
from z4tw.policy.bucket_policy import BucketPolicyEvaluator
from z4tw.policy.grants import GrantsEvaluator
from z4tw.testing.disks import FaultyDisk, LossyDisk
from z4tw.testing.offload import InlineOffload
from z4tw.threads import ThreadOffload

PROVIDERS = [
    (interfaces.IMetadataStore, MemoryStore),
    (interfaces.IMetadataStore, SqliteStore),
    (interfaces.IMetadataStore, RemoteStore),
    (interfaces.IMetadataHousekeeping, MemoryStore),
    (interfaces.IMetadataHousekeeping, SqliteStore),
    (interfaces.IBlobStore, FileBlobStore),
    (interfaces.IBlobStore, MemoryBlobStore),
    (interfaces.IBlobHousekeeping, FileBlobStore),
    (interfaces.IBlobHousekeeping, MemoryBlobStore),
    (interfaces.IDisk, OsDisk),
    (interfaces.IDisk, FaultyDisk),
    (interfaces.IDisk, LossyDisk),
    (interfaces.IOffload, ThreadOffload),
    (interfaces.IOffload, InlineOffload),
    (interfaces.IKeyring, LocalKeyring),
    (interfaces.IPluginFactory, LocalKeyringFactory),
    (interfaces.ISelectiveEvaluator, GrantsEvaluator),
    (interfaces.IDocumentEvaluator, BucketPolicyEvaluator),
    (interfaces.IRouter, LocalRouter),
    (interfaces.IS3Service, S3Service),
]


@pytest.mark.parametrize(
    ("interface", "provider"), PROVIDERS, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_a_provider_keeps_its_interface(interface: type[Interface], provider: type) -> None:
    assert verifyClass(interface, provider, tentative=True)
