"""Pictures of the playground's page and of its lessons, as they stand in this folder.

    python -m docs.playground.pictures [NAME ...]

Without a name it makes all of them. It drives Chromium, as the tests of the page do, from the root
of the repository.
"""

import io
import pathlib
import sys

from PIL import Image

from tests.playground.browser import chromium, opened, served, train_until

FOLDER = pathlib.Path(__file__).parent
MOST_BYTES = 40_000
#: What is trained, by picture: the fragment of the address, and epochs.
SHOWN = {
    "page": (
        "#dataset=spiral&hidden=8,8&features=x,y,sinx,siny&optimizer=adam&learning_rate=0.01",
        250,
    ),
    "xor": ("#preset=xor", 60),
    "vanishing-gradients": ("#preset=vanishing-gradients", 150),
    "dying-relu": ("#preset=dying-relu", 60),
    "l1-zeros": ("#preset=l1-zeros", 200),
    "overfitting": ("#preset=overfitting", 280),
    "rate-too-high": ("#preset=rate-too-high", None),
    "dropout": ("#preset=dropout", 200),
    "ensemble": ("#preset=ensemble", 100),
    "symmetry": ("#preset=symmetry", 60),
}


def train(page, name, epochs):
    """Brings a page to what its picture shows."""
    if epochs is None:
        page.click("#play")
        page.wait_for_selector(".notice.error")
    else:
        train_until(page, f"Number(document.getElementById('epoch').textContent) >= {epochs}")
    if name == "ensemble":
        page.click("#tab-uncertainty")
        page.click("[data-ask=ensemble]")
        page.wait_for_function(
            "document.querySelector('.shown').textContent.includes('deviation')", timeout=120_000
        )
    # The rates are written twice a second.
    page.wait_for_function(
        "[...document.querySelectorAll('.speed, .pictures')]"
        ".every((one) => /^(0 |$)/.test(one.textContent))"
    )
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")


def save(screenshot, path, width):
    """Writes a screenshot as WebP of at most 40 kB."""
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    image = image.resize(
        (width, round(image.height * width / image.width)), Image.Resampling.LANCZOS
    )
    files = (webp(image, quality) for quality in range(80, 20, -5))
    path.write_bytes(next(each for each in files if len(each) < MOST_BYTES))
    print(path.name, path.stat().st_size, "bytes")


def webp(image, quality):
    """Returns an image as WebP."""
    packed = io.BytesIO()
    image.save(packed, "webp", quality=quality, method=6)
    return packed.getvalue()


def main(names):
    """Makes the pictures with these names."""
    with served() as address, chromium() as browser:
        for name in names:
            fragment, epochs = SHOWN[name]
            is_two = name == "dropout"
            size = {"width": 1280, "height": 1340 if is_two else 900}
            with opened(browser, address, fragment, viewport=size) as page:
                train(page, name, epochs)
                save(page.screenshot(), FOLDER / f"{name}.webp", 640 if is_two else 800)


if __name__ == "__main__":
    main(sys.argv[1:] or SHOWN)
