"""Every error that z4tw raises on purpose: S3's error codes, and the few internal ones (L0).

Longer than 400 lines because it is a flat table: one class per S3 error code, nothing else.
Messages are AWS's own where AWS has one.
"""

from __future__ import annotations


class Z4Error(Exception):
    """Base of the errors that are not S3 answers."""


class ClientDisconnected(Z4Error):
    """The client's connection ended before the request's body did."""


class CorruptBlob(Z4Error):
    """Stored bytes do not match their digest, length or authentication tag."""


class CustomerKeyNeeded(Z4Error):
    """Stored bytes are encrypted with a key that only the customer has."""


class WrongMasterKey(Z4Error):
    """The master key is absent or not the one that wrapped the store's keys."""


class S3Error(Exception):
    """An S3 error answer. A subclass is named as its code (without its dots); ``details`` become
    XML elements.

    ``headers`` are extra headers of the response, as (name, value).
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """

    code = "InternalError"
    status = 500
    message = "We encountered an internal error. Please try again."

    def __init__(self, message: str | None = None, **details: str) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message
        self.details = details
        self.headers: list[tuple[str, str]] = []

    def __init_subclass__(cls) -> None:
        cls.code = cls.__dict__.get("code", cls.__name__)
        BY_CODE[cls.code] = cls


BY_CODE: dict[str, type[S3Error]] = {}
"""The error class of each code, for codes that crossed a process or a store (``Refused.code``)."""


class AccessControlListNotSupported(S3Error):
    """An ACL was sent to a bucket whose owner has turned ACLs off."""

    status = 400
    message = "The bucket does not allow ACLs"


class AccessDenied(S3Error):
    """Nothing allows the request, or something forbids it."""

    status = 403
    message = "Access Denied"


class AccessForbidden(S3Error):
    """A CORS preflight asks for what the bucket's rules do not allow."""

    status = 403
    message = "CORSResponse: This CORS request is not allowed."


class AmbiguousGrantByEmailAddress(S3Error):
    """A grantee's e-mail address belongs to several accounts."""

    status = 400
    message = "The email address you provided is associated with more than one account."


class AnnotationLimitExceeded(S3Error):
    """A version has as many annotations as it may have."""

    status = 400
    message = "The request would exceed the maximum number of annotations allowed per object."


class AnnotationNameTooLong(S3Error):
    """An annotation's name has more than 512 bytes."""

    status = 400
    message = "The annotation name exceeds 512 bytes."


class AuthorizationHeaderMalformed(S3Error):
    """The Authorization header cannot be read or names a wrong region."""

    status = 400
    message = "The authorization header you provided is invalid."


class AuthorizationQueryParametersError(S3Error):
    """A presigned URL's parameters cannot be read."""

    status = 400
    message = "The authorization query parameters that you provided are not valid."


class BadDigest(S3Error):
    """The body does not have the checksum that was declared."""

    status = 400
    message = (
        "The Content-MD5 or checksum value that you specified did not match what the server "
        "received."
    )


class BadRequest(S3Error):
    """The request breaks a rule that has no code of its own."""

    status = 400
    message = "Bad Request"


class BucketAlreadyExists(S3Error):
    """Another account owns a bucket of that name."""

    status = 409
    message = (
        "The requested bucket name is not available. The bucket namespace is shared by all users "
        "of the system. Please select a different name and try again."
    )


class BucketAlreadyOwnedByYou(S3Error):
    """The requester's account owns the bucket already."""

    status = 409
    message = "Your previous request to create the named bucket succeeded and you already own it."


class BucketNotEmpty(S3Error):
    """A bucket that is to be deleted holds versions or delete markers."""

    status = 409
    message = "The bucket you tried to delete is not empty"


class ConditionalRequestConflict(S3Error):
    """Another write to the key came between; the client may try again."""

    status = 409
    message = (
        "The conditional request cannot succeed due to a conflicting operation against this "
        "resource."
    )


class CredentialsNotSupported(S3Error):
    """The request must not be signed."""

    status = 400
    message = "This request does not support credentials."


class EncryptionTypeMismatch(S3Error):
    """An append asks for another encryption than the object has."""

    status = 400
    message = "The existing object was created with a different encryption type."


class EntityTooLarge(S3Error):
    """The body is larger than S3 allows."""

    status = 400
    message = "Your proposed upload exceeds the maximum allowed size"


class EntityTooSmall(S3Error):
    """A part that is not the last is smaller than S3 allows."""

    status = 400
    message = "Your proposed upload is smaller than the minimum allowed size"


class ExpiredToken(S3Error):
    """A session token is no longer good."""

    status = 400
    message = "The provided token has expired."


class IdempotencyParameterMismatch(S3Error):
    """A client token is reused with other parameters."""

    status = 400
    message = (
        "Parameters on this idempotent request are inconsistent with parameters used in previous "
        "request(s)."
    )


class IllegalLocationConstraintException(S3Error):
    """The bucket is wanted in a region that the store does not serve."""

    status = 400
    message = (
        "The specified location constraint is incompatible for the region specific endpoint this "
        "request was sent to."
    )


class IllegalVersioningConfigurationException(S3Error):
    """A versioning document does not say the state."""

    status = 400
    message = "The versioning configuration specified in the request is not valid."


class IncompleteBody(S3Error):
    """The body ended before its declared length."""

    status = 400
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class IncorrectNumberOfFilesInPostRequest(S3Error):
    """A form has no file or several."""

    status = 400
    message = "POST requires exactly one file upload per request."


class InsufficientStorage(S3Error):
    """The disk is too full for the write."""

    status = 507
    message = "The store does not have enough free space for this request."


class InternalError(S3Error):
    """The server failed; nothing of the reason is told."""

    status = 500
    message = "We encountered an internal error. Please try again."


class InvalidAccessKeyId(S3Error):
    """No key has that id."""

    status = 403
    message = "The AWS Access Key Id you provided does not exist in our records."


class InvalidAnnotationName(S3Error):
    """A name that no annotation can have."""

    status = 400
    message = "The annotation name you provided is invalid."


class InvalidArgument(S3Error):
    """A header or parameter has a value that it cannot have."""

    status = 400
    message = "Invalid Argument"


class InvalidBucketAclWithObjectOwnership(S3Error):
    """ACLs are in use where ownership is to forbid them."""

    status = 400
    message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"


class InvalidBucketName(S3Error):
    """The name cannot be a bucket's."""

    status = 400
    message = "The specified bucket is not valid."


class InvalidBucketOwnerAWSAccountID(S3Error):
    """An expected owner is not a 12-digit account number."""

    status = 400
    message = "The value of the expected bucket owner parameter must be an AWS account ID"


class InvalidBucketState(S3Error):
    """The bucket's configuration does not permit the request."""

    status = 409
    message = "The request is not valid with the current state of the bucket."


class InvalidChunkSizeError(S3Error):
    """A signed chunk that is not the last is too small."""

    status = 403
    message = "Only the last chunk is allowed to have a size less than 8192 bytes"


class InvalidDigest(S3Error):
    """A Content-MD5 header is not the base64 of 16 bytes."""

    status = 400
    message = "The Content-MD5 you specified was invalid."


class InvalidEncryptionAlgorithmError(S3Error):
    """An encryption header names an unknown algorithm."""

    status = 400
    message = "The encryption request that you specified is not valid. The valid value is AES256."


class InvalidLocationConstraint(S3Error):
    """A location constraint is no region at all."""

    status = 400
    message = "The specified location-constraint is not valid"


class InvalidObjectState(S3Error):
    """The object is archived."""

    status = 403
    message = "The operation is not valid for the object's storage class"


class InvalidPart(S3Error):
    """A completion names a part that is absent or has another ETag."""

    status = 400
    message = (
        "One or more of the specified parts could not be found.  The part may not have been "
        "uploaded, or the specified entity tag may not match the part's entity tag."
    )


class InvalidPartNumber(S3Error):
    """A read asks for a part number that the object does not have."""

    status = 416
    message = "The requested partnumber is not satisfiable"


class InvalidPartOrder(S3Error):
    """The parts of a completion are not in ascending order."""

    status = 400
    message = "The list of parts was not in ascending order. Parts must be ordered by part number."


class InvalidPolicyDocument(S3Error):
    """A form does not meet the conditions of its policy."""

    status = 400
    message = (
        "The content of the form does not meet the conditions specified in the policy document."
    )


class InvalidPrefix(S3Error):
    """A prefix that no name of an annotation can have."""

    status = 400
    message = "The annotation prefix you provided is invalid."


class InvalidRange(S3Error):
    """No byte of the wanted range exists."""

    status = 416
    message = "The requested range is not satisfiable"


class InvalidRedirectLocation(S3Error):
    """A redirect leads neither to a path nor to a URL."""

    status = 400
    message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."


class InvalidRequest(S3Error):
    """The request contradicts itself or the state of what it names."""

    status = 400
    message = "Invalid Request"


class InvalidRetentionPeriod(S3Error):
    """A retention ends in the past or is too long."""

    status = 400
    message = "The retention period is not valid."


class InvalidSecurity(S3Error):
    """The credentials are not valid."""

    status = 403
    message = "The provided security credentials are not valid."


class InvalidStorageClass(S3Error):
    """There is no such storage class."""

    status = 400
    message = "The storage class you specified is not valid"


class InvalidTag(S3Error):
    """A tag breaks the limits of tags."""

    status = 400
    message = (
        "The tag provided was not a valid tag. This exception can occur if the tag did not pass "
        "input validation."
    )


class InvalidTargetBucketForLogging(S3Error):
    """Access logs cannot go to the named bucket."""

    status = 400
    message = (
        "The target bucket for logging does not exist, is not owned by you, or does not have the "
        "appropriate grants for the log-delivery group."
    )


class InvalidToken(S3Error):
    """A session token is not one of this server's."""

    status = 400
    message = "The provided token is malformed or otherwise invalid."


class InvalidURI(S3Error):
    """The path or the query cannot be decoded."""

    status = 400
    message = "Couldn't parse the specified URI."


class InvalidWriteOffset(S3Error):
    """An append does not start where the object ends."""

    status = 400
    message = "The write offset value that you specified does not match the current object size."


class KMSDisabledException(S3Error):
    """The key that an encryption header or an object names is disabled."""

    code = "KMS.DisabledException"
    status = 400
    message = "The key is disabled."


class KMSNotFoundException(S3Error):
    """The key that an encryption header or an object names is not in the keyring."""

    code = "KMS.NotFoundException"
    status = 400
    message = "The key does not exist."


class KeyTooLongError(S3Error):
    """A key has more than 1,024 bytes."""

    status = 400
    message = "Your key is too long"


class MalformedACLError(S3Error):
    """An ACL document cannot be read."""

    status = 400
    message = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


class MalformedPOSTRequest(S3Error):
    """A form body cannot be read."""

    status = 400
    message = "The body of your POST request is not well-formed multipart/form-data."


class MalformedPolicy(S3Error):
    """A bucket policy cannot be read."""

    status = 400
    message = "The policy document is not well-formed or did not validate."


class MalformedTrailerError(S3Error):
    """The trailer of a chunked body cannot be read."""

    status = 400
    message = (
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema."
    )


class MalformedXML(S3Error):
    """A document cannot be read or breaks its schema."""

    status = 400
    message = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


class MaxMessageLengthExceeded(S3Error):
    """A document is larger than its operation allows."""

    status = 400
    message = "Your request was too big."


class MaxPostPreDataLengthExceededError(S3Error):
    """A form's fields before its file are too large."""

    status = 400
    message = "Your POST request fields preceding the upload file were too large."


class MetadataTooLarge(S3Error):
    """User metadata has more than 2 KB."""

    status = 400
    message = "Your metadata headers exceed the maximum allowed metadata size"


class MethodNotAllowed(S3Error):
    """The resource does not have that method."""

    status = 405
    message = "The specified method is not allowed against this resource."


class MissingContentLength(S3Error):
    """A body came without its length."""

    status = 411
    message = "You must provide the Content-Length HTTP header."


class MissingRequestBodyError(S3Error):
    """A document is required and the body is empty."""

    status = 400
    message = "Request Body is empty"


class MissingSecurityHeader(S3Error):
    """A header that the signature needs is absent."""

    status = 400
    message = "Your request was missing a required header."


class NoSuchAnnotation(S3Error):
    """A version has no annotation of a name."""

    status = 404
    message = "The specified annotation does not exist on this object."


class NoSuchBucket(S3Error):
    """There is no such bucket."""

    status = 404
    message = "The specified bucket does not exist"


class NoSuchBucketPolicy(S3Error):
    """The bucket has no policy."""

    status = 404
    message = "The bucket policy does not exist"


class NoSuchCORSConfiguration(S3Error):
    """The bucket has no CORS rules."""

    status = 404
    message = "The CORS configuration does not exist"


class NoSuchConfiguration(S3Error):
    """The bucket has no such configuration."""

    status = 404
    message = "The specified configuration does not exist."


class NoSuchKey(S3Error):
    """There is no such object, or its current version is a delete marker."""

    status = 404
    message = "The specified key does not exist."


class NoSuchLifecycleConfiguration(S3Error):
    """The bucket has no lifecycle rules."""

    status = 404
    message = "The lifecycle configuration does not exist"


class NoSuchObjectLockConfiguration(S3Error):
    """The object has no retention or legal hold."""

    status = 404
    message = "The specified object does not have a ObjectLock configuration"


class NoSuchPublicAccessBlockConfiguration(S3Error):
    """The bucket has no public access block."""

    status = 404
    message = "The public access block configuration was not found"


class NoSuchTagSet(S3Error):
    """The bucket has no tags."""

    status = 404
    message = "The TagSet does not exist"


class NoSuchUpload(S3Error):
    """There is no such multipart upload."""

    status = 404
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed."
    )


class NoSuchVersion(S3Error):
    """There is no such version of the object."""

    status = 404
    message = "The specified version does not exist."


class NoSuchWebsiteConfiguration(S3Error):
    """The bucket is no website."""

    status = 404
    message = "The specified bucket does not have a website configuration"


class NotImplemented(S3Error):
    """The request asks for a feature of S3 that is not here."""

    status = 501
    message = "A header you provided implies functionality that is not implemented"


class NotModified(S3Error):
    """A conditional read finds what the client has already."""

    status = 304
    message = "Not Modified"


class ObjectAlreadyInActiveTierError(S3Error):
    """A restore is asked for an object that is not archived."""

    status = 403
    message = "This object is already in the active tier"


class ObjectLockConfigurationNotFoundError(S3Error):
    """The bucket has no object lock."""

    status = 404
    message = "Object Lock configuration does not exist for this bucket"


class ObjectNotInActiveTierError(S3Error):
    """A copy's source is archived."""

    status = 403
    message = "The source object of the COPY action is not in the active tier."


class OperationAborted(S3Error):
    """Another change of the same resource is under way."""

    status = 409
    message = (
        "A conflicting conditional operation is currently in progress against this resource. "
        "Please try again."
    )


class OwnershipControlsNotFoundError(S3Error):
    """The bucket has no ownership controls."""

    status = 404
    message = "The bucket ownership controls were not found"


class PermanentRedirect(S3Error):
    """The bucket is always to be reached elsewhere."""

    status = 301
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )


class PreconditionFailed(S3Error):
    """A condition of the request does not hold."""

    status = 412
    message = "At least one of the pre-conditions you specified did not hold"


class QuotaExceeded(S3Error):
    """A write would exceed the quota of its bucket. AWS has no quotas; the code and the status are
    those of Ceph's object gateway. https://docs.ceph.com/en/latest/radosgw/admin/"""

    status = 403
    message = "The bucket's quota is exceeded."


class ReplicationConfigurationNotFoundError(S3Error):
    """The bucket has no replication rules."""

    status = 404
    message = "The replication configuration was not found"


class RequestHeaderSectionTooLarge(S3Error):
    """The header section has too many bytes or fields."""

    status = 400
    message = "Your request header section exceeds the maximum allowed size."


class RequestIsNotMultiPartContent(S3Error):
    """A form upload is not multipart/form-data."""

    status = 400
    message = "A bucket POST request must be of the enclosure-type multipart/form-data."


class RequestTimeTooSkewed(S3Error):
    """The request's time is more than 15 minutes off."""

    status = 403
    message = "The difference between the request time and the current time is too large."


class RequestTimeout(S3Error):
    """The body came too slowly or stopped."""

    status = 400
    message = (
        "Your socket connection to the server was not read from or written to within the timeout "
        "period. Idle connections will be closed."
    )


class RestoreAlreadyInProgress(S3Error):
    """A restore of the object is under way."""

    status = 409
    message = "Object restore is already in progress"


class ServerSideEncryptionConfigurationNotFoundError(S3Error):
    """The bucket has no default encryption."""

    status = 404
    message = "The server side encryption configuration was not found"


class ServiceUnavailable(S3Error):
    """A part of the server is gone; a change's outcome may be unknown."""

    status = 503
    message = "Service is unable to handle request."


class SignatureDoesNotMatch(S3Error):
    """The signature was not made with the key's secret over this request."""

    status = 403
    message = (
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method."
    )


class SlowDown(S3Error):
    """The server is busy; clients back off and try again."""

    status = 503
    message = "Please reduce your request rate."


class TemporaryRedirect(S3Error):
    """Another node is to serve this request."""

    status = 307
    message = (
        "Please re-send this request to the specified temporary endpoint. Continue to use the "
        "original request endpoint for future requests."
    )


class TooManyBuckets(S3Error):
    """The account may not own more buckets."""

    status = 400
    message = "You have attempted to create more buckets than allowed"


class TooManyParts(S3Error):
    """An object cannot have more parts."""

    status = 400
    message = (
        "You have attempted to add more parts than the maximum of 10000 that are allowed for "
        "this object."
    )


class TooManyVersions(S3Error):
    """A key cannot have more versions."""

    status = 400
    message = "You have attempted to create more versions of this object than allowed."


class UnexpectedContent(S3Error):
    """The request has a body where none may be."""

    status = 400
    message = "This request does not support content"


class UnresolvableGrantByEmailAddress(S3Error):
    """No account has a grantee's e-mail address."""

    status = 400
    message = "The email address you provided does not match any account on record."


class UnsupportedArgument(S3Error):
    """An argument is not supported here."""

    status = 400
    message = "The request contained an unsupported argument."


class UnsupportedMediaType(S3Error):
    """An annotation is no text."""

    status = 415
    message = "The annotation payload is not valid UTF-8 encoded text."


class UnsupportedSignature(S3Error):
    """The signature's version is not supported."""

    status = 400
    message = (
        "The provided request is signed with an unsupported STS Token version or the signature "
        "version is not supported."
    )


class UserKeyMustBeSpecified(S3Error):
    """A form does not name the key."""

    status = 400
    message = (
        "The bucket POST request must contain the specified field name. If it is specified, "
        "check the order of the fields."
    )


class XAmzContentSHA256Mismatch(S3Error):
    """The body does not have the SHA-256 that was signed."""

    status = 400
    message = "The provided 'x-amz-content-sha256' header does not match what was computed."
