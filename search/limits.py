"""How much a search may ask, and the names of its stages.

Imports nothing, so that commands can name these numbers in their help without loading a library.
"""

MAX_QUERY_LENGTH = 300  # characters
MAX_RESULTS = 200
MAX_CANDIDATES = 5000
MAX_EXCLUDED = 8  # texts
MAX_BY_LIKELIHOOD = 100_000  # photos that the captioner alone may order
MAX_WEIGHT = 10.0
MAX_COMPLETIONS = 50
MAX_SENTENCES = 200

DEFAULT_RESULTS = 20
DEFAULT_CANDIDATES = 200
DEFAULT_COMPLETIONS = 8

# Both stages; the captioner alone, on every photo; the vectors alone.
COMBINED, LIKELIHOOD, RETRIEVE = "combined", "likelihood", "retrieve"
STAGES = (COMBINED, LIKELIHOOD, RETRIEVE)
