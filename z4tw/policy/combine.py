"""How what a user was allowed and what a bucket allows make one answer.

Within one account either is enough; across accounts both are needed, as on AWS.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from z4tw.interfaces.plugins import Decision
from z4tw.model.control import Principal


def combine(
    principal: Principal, own: bool, identity: Decision | None, resource: Decision | None
) -> Decision | None:
    """The decision that allows, None when nothing does. Denials were looked at before.

    ``own``: what is acted upon belongs to the principal's account. ``identity`` is the allow of
    its own policies, ``resource`` that of the bucket's policy, ACL or grants (None: silence). A
    root user, and nobody, need no policy of their own: for them the resource's word is all.
    """
    if resource is not None and (principal.root or principal.anonymous):
        return resource
    if own:
        if identity is not None:
            return identity
        return resource if resource is not None and resource.names_user else None
    return identity if identity is not None and resource is not None else None
