"""S3's IAM actions by the kind of resource that they are upon.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations


def _named(names: str) -> frozenset[str]:
    return frozenset(f"s3:{name}" for name in names.split())


OBJECT_ACTIONS = _named("""
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation
    DeleteObjectTagging DeleteObjectVersion DeleteObjectVersionTagging GetObject GetObjectAcl
    GetObjectAnnotation GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging
    GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes
    GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent
    InitiateReplication ListMultipartUploadParts ListObjectAnnotations
    ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectAnnotation PutObjectLegalHold
    PutObjectRetention PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging
    ReplicateDelete ReplicateObject ReplicateTags RestoreObject UpdateObjectEncryption
""")
"""Actions on a key of a bucket."""

BUCKET_ACTIONS = _named("""
    CreateBucket CreateBucketMetadataConfiguration CreateBucketMetadataTableConfiguration
    DeleteBucket DeleteBucketMetadataConfiguration DeleteBucketMetadataTableConfiguration
    DeleteBucketPolicy DeleteBucketWebsite GetAccelerateConfiguration GetAnalyticsConfiguration
    GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging
    GetBucketMetadataConfiguration GetBucketMetadataTableConfiguration GetBucketNotification
    GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy
    GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging
    GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration
    GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration
    GetMetricsConfiguration GetReplicationConfiguration ListBucket ListBucketMultipartUploads
    ListBucketVersions PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac
    PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
    PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy
    PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging PutBucketVersioning
    PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration
    PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration
    PutReplicationConfiguration UpdateBucketMetadataAnnotationTableConfiguration
    UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration
""")
"""Actions on a bucket itself."""

SERVICE_ACTIONS = frozenset({"s3:ListAllMyBuckets"})
"""Actions that are upon no bucket, so that a bucket's policy cannot speak of them."""

POLICY_ACTIONS = frozenset({"s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"})
"""What a bucket owner's root user may always do, so that no policy locks everybody out.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html"""

EXISTING_TAG_ACTIONS = _named("""
    DeleteObjectTagging DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes
    GetObjectTagging GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes
    GetObjectVersionTagging PutObjectAcl PutObjectTagging PutObjectVersionAcl
    PutObjectVersionTagging
""")
"""Actions whose requests have the condition keys ``s3:ExistingObjectTag/...``."""
