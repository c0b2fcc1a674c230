"""What a claim is, and what would be a wrong version of it."""

from verify.claims.claim import REGISTRY as REGISTRY
from verify.claims.claim import Check as Check
from verify.claims.claim import Claim as Claim
from verify.claims.claim import Evidence as Evidence
from verify.claims.claim import Kind as Kind
from verify.claims.claim import Settings as Settings
from verify.claims.claim import Verdict as Verdict
from verify.claims.judging import ClaimResult as ClaimResult
from verify.claims.judging import judge as judge
from verify.claims.mutants import put_to_the_test as put_to_the_test
