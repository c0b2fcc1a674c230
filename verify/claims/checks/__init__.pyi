"""What claims are checked with."""

from verify.claims.checks.identities import enclosed as enclosed
from verify.claims.checks.identities import exact as exact
from verify.claims.checks.identities import identical as identical
from verify.claims.checks.identities import order_of as order_of
