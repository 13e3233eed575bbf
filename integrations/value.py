"""What steps and models give: frozen pydantic models that cost little to import."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Value"]


class Value(BaseModel):
    """A frozen model. Its validator is built when it is first used: programs import many, and use few."""

    model_config = ConfigDict(frozen=True, defer_build=True)
