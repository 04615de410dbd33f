"""The condition keys that a bucket policy may name.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

_GLOBAL = """
    CalledVia CalledViaFirst CalledViaLast CalledViaAWSMCP ChatbotSourceArn CurrentTime
    Ec2InstanceSourcePrivateIPv4 Ec2InstanceSourceVpc EpochTime FederatedProvider
    IsMcpServiceAction MultiFactorAuthAge MultiFactorAuthPresent PrincipalAccount PrincipalArn
    PrincipalIsAWSService PrincipalOrgID PrincipalOrgPaths PrincipalServiceName
    PrincipalServiceNamesList PrincipalType Referer RequestedRegion ResourceAccount ResourceOrgID
    ResourceOrgPaths SecureTransport SourceAccount SourceArn SourceIdentity SourceIp SourceOrgID
    SourceOrgPaths SourceOwner SourceVpc SourceVpcArn SourceVpce TagKeys TokenIssueTime UserAgent
    ViaAWSMCPService ViaAWSService VpcSourceIp VpceAccount VpceOrgID VpceOrgPaths userid username
"""
_S3 = """
    AccessGrantsInstanceArn AccessPointNetworkOrigin DataAccessPointAccount DataAccessPointArn
    InventoryAccessibleOptionalFields JobSuspendedCause LocationConstraint
    ObjectCreationOperation RequestJobOperation RequestJobPriority RequestObjectTagKeys
    ResourceAccount TlsVersion VersionId authType delimiter destinationRegion if-match
    if-none-match isReplicationPauseRequest max-keys object-lock-legal-hold object-lock-mode
    object-lock-remaining-retention-days object-lock-retain-until-date prefix signatureAge
    signatureversion x-amz-acl x-amz-bucket-namespace x-amz-content-sha256 x-amz-copy-source
    x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write
    x-amz-grant-write-acp x-amz-metadata-directive x-amz-object-ownership x-amz-request-payer
    x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id
    x-amz-server-side-encryption-customer-algorithm x-amz-storage-class
    x-amz-website-redirect-location
"""
_FAMILIES = (
    "aws:principaltag/",
    "aws:requesttag/",
    "aws:resourcetag/",
    "s3:buckettag/",
    "s3:existingjoboperation/",
    "s3:existingjobpriority/",
    "s3:existingobjecttag/",
    "s3:requestobjecttag/",
)
"""What keys begin with that go on with a name of the policy's choice."""

KEYS = frozenset(
    [f"aws:{name.lower()}" for name in _GLOBAL.split()]
    + [f"s3:{name.lower()}" for name in _S3.split()]
)
"""All keys with fixed names, in lower case."""


_LISTING_ACTIONS = ("s3:listbucket", "s3:listbucketversions")
ONLY_OF = {
    "s3:delimiter": _LISTING_ACTIONS,
    "s3:max-keys": _LISTING_ACTIONS,
    "s3:prefix": _LISTING_ACTIONS,
}
"""The actions whose requests have a key, for keys that few have; all in lower case."""


def is_condition_key(name: str) -> bool:
    """Whether S3 has a condition key of that name, in whatever case."""
    folded = name.lower()
    return folded in KEYS or any(
        folded.startswith(family) and len(folded) > len(family) for family in _FAMILIES
    )
