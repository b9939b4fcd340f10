"""Damage done to one photo's description, as a flipped bit in the database's file does it."""

from sqlalchemy.orm import Session

from catalog.models import Caption, State, Vector

HARMS = ("state", "bias", "text", "log_likelihood", "caption vector", "visual vector", "checksum")


def flip(content: bytes) -> bytes:
    """The same bytes with the lowest bit of the middle one changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def harm(session: Session, what: str, photo_id: int, model_id: int) -> None:
    """Change one value of a photo's description."""
    state = session.get_one(State, (photo_id, model_id))
    caption = session.get_one(Caption, (photo_id, model_id, 0))
    if what == "state":
        state.blob = flip(state.blob)
    elif what == "bias":
        state.bias += 2**-20
    elif what == "checksum":
        state.checksum = flip(state.checksum.encode()).decode()
    elif what == "text":
        caption.text = flip(caption.text.encode()).decode()
    elif what == "log_likelihood":
        caption.log_likelihood += 2**-20
    else:
        vector = session.get_one(Vector, (photo_id, what.split()[0], model_id))
        vector.blob = flip(vector.blob)
    session.flush()
