"""How examples in the prompt teach a small model: 20 reviews to label, on any machine.

``python benchmarks/few_shot.py`` prints how many of the 20 smollm2 labels right after
0, 1 and 4 examples, at temperature 0. It wants ``jupyter complete get smollm2``.
"""

from __future__ import annotations

import os

from jupyter_complete import complete

DIRECTORY = os.environ.get("JUPYTER_COMPLETE_TEST_MODELS", "")
EXAMPLES = (
    ("I loved every minute of it.", "positive"),
    ("A complete waste of money.", "negative"),
    ("The best meal I have had in years.", "positive"),
    ("It broke after two days.", "negative"),
)
REVIEWS = (
    ("A wonderful film with a great cast.", "positive"),
    ("The plot made no sense and the acting was terrible.", "negative"),
    ("I would buy this again in a heartbeat.", "positive"),
    ("The room was dirty and the staff were rude.", "negative"),
    ("Fast delivery and excellent quality.", "positive"),
    ("I want a refund, this is awful.", "negative"),
    ("My kids adore this game.", "positive"),
    ("The soup was cold and tasteless.", "negative"),
    ("Beautiful music, I was moved to tears.", "positive"),
    ("Boring from beginning to end.", "negative"),
    ("The hotel exceeded all our expectations.", "positive"),
    ("The worst customer service ever.", "negative"),
    ("Delicious food and friendly waiters.", "positive"),
    ("The battery dies within an hour.", "negative"),
    ("A brilliant book that I could not put down.", "positive"),
    ("Cheap plastic that fell apart.", "negative"),
    ("Perfect fit and very comfortable.", "positive"),
    ("I regret coming here.", "negative"),
    ("Great value, highly recommended.", "positive"),
    ("The screen cracked on the first day.", "negative"),
)


def prompt(examples: int, review: str) -> str:
    """Return the prompt that labels a review after so many examples."""
    shown = "".join(
        f"Review: {text}\nSentiment: {label}\n\n" for text, label in EXAMPLES[:examples]
    )
    return f"{shown}Review: {review}\nSentiment:"


def right(examples: int) -> int:
    """Return how many reviews are labelled right after so many examples."""
    answers = [
        complete(
            prompt(examples, review),
            model="smollm2",
            model_directory=DIRECTORY,
            turns="raw",
            temperature=0,
            max_tokens=4,
            history=False,
        )
        for review, _ in REVIEWS
    ]
    return sum(
        answer.text.strip().lower().startswith(label)
        for answer, (_, label) in zip(answers, REVIEWS, strict=True)
    )


if __name__ == "__main__":
    for examples in (0, 1, 4):
        print(f"{examples} examples: {right(examples)} of {len(REVIEWS)} right")
