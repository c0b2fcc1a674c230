"""What does the optimizer of a user's own network do, and does the expansion hold there?"""

from verify.networks.boxes import find_box as find_box
from verify.networks.probing import Findings as Findings
from verify.networks.probing import probe as probe
