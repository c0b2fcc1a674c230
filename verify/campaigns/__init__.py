"""How are many claims judged, in parallel and within limits, and none twice?"""
