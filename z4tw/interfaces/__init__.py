"""The interfaces between layers and towards plugins (L0); provided with zope.interface.

Methods marked *async* return an awaitable (a coroutine, or a Twisted ``Deferred``, which is one).
Nothing here names a concrete class; ``z4tw.compose`` is the only place that does.
"""

from z4tw.interfaces.http import (
    Exchange,
    IBodySource,
    IRequestBody,
    IS3Service,
    RequestHead,
    S3Response,
)
from z4tw.interfaces.plugins import (
    Decision,
    Effect,
    IDocumentEvaluator,
    IEventSink,
    IKeyring,
    ILifecycleAction,
    IPluginFactory,
    IPolicyEvaluator,
    IRewrappingKeyring,
    ISelectiveEvaluator,
    ITransition,
    PolicyRequest,
)
from z4tw.interfaces.seams import (
    IDisk,
    IDiskFile,
    IMembership,
    IOffload,
    IRouter,
    Route,
    Steps,
    no_steps,
)
from z4tw.interfaces.storage import (
    IBlobHousekeeping,
    IBlobReader,
    IBlobStore,
    IBlobWriter,
    IMetadataHousekeeping,
    IMetadataStore,
)

__all__ = [
    "Decision",
    "Effect",
    "Exchange",
    "IBlobHousekeeping",
    "IBlobReader",
    "IBlobStore",
    "IBlobWriter",
    "IBodySource",
    "IDisk",
    "IDiskFile",
    "IDocumentEvaluator",
    "IEventSink",
    "IKeyring",
    "ILifecycleAction",
    "IMembership",
    "IMetadataHousekeeping",
    "IMetadataStore",
    "IOffload",
    "IPluginFactory",
    "IPolicyEvaluator",
    "IRequestBody",
    "IRewrappingKeyring",
    "IRouter",
    "IS3Service",
    "ISelectiveEvaluator",
    "ITransition",
    "PolicyRequest",
    "RequestHead",
    "Route",
    "S3Response",
    "Steps",
    "no_steps",
]
