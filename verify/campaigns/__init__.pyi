"""How many claims are judged, in parallel and within limits."""

from verify.campaigns.campaign import run_campaign as run_campaign
from verify.campaigns.ledger import Ledger as Ledger
from verify.campaigns.processes import Limits as Limits
from verify.campaigns.runner import find_claims as find_claims
from verify.campaigns.runner import judge_all as judge_all
from verify.campaigns.runner import mutate_all as mutate_all
