"""The playground's page, driven in a real browser."""

import json
import re
from pathlib import Path

import pytest

from kerasnn.playground.configuration import Configuration
from tests.playground.browser import (
    NEEDS_BROWSER,
    chromium,
    config,
    is_failure,
    number,
    opened,
    served,
    set_control,
    settle,
    train_until,
    wait_for_config,
)

ROOT = Path(__file__).parents[2]
pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def address():
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser, address):
    with opened(browser, address) as found:
        yield found


def test_xor_is_learned_by_two_hidden_layers(browser, address):
    with opened(browser, address, "#dataset=xor&hidden=4,2&activation=tanh") as page:
        assert page.input_value("[name=dataset]") == "xor"
        # The epochs that end before the pause arrives may have a greater loss again.
        train_until(page, "Number(document.getElementById('test-loss').textContent) < 0.02")
        assert number(page, "epoch") > 5
        assert page.evaluate("playground.last_frame_bytes") < 50_000


CHANGES = {
    "dataset": "gaussian",
    "noise": 25,
    "train_ratio": 70,
    "batch_size": 20,
    "data_seed": 3,
    "hidden": "3",
    "activation": "relu",
    "initialization": "large",
    "dropout": 0.2,
    "batch_normalization": True,
    "seed": 5,
    "loss": "mse",
    "optimizer": "adam",
    "learning_rate": 0.1,
    "schedule": "cosine",
    "schedule_epochs": 50,
    "l1": 0.01,
    "l2": 0.003,
    "early_stopping": 20,
    "stops": True,
}


def test_each_control_changes_what_it_says(page):
    for name, value in CHANGES.items():
        set_control(page, name, value)
        wait_for_config(page, name, value)
    assert {name: config(page)[name] for name in CHANGES} == CHANGES
    # Only what can be answered is offered.
    page.click("#tab-confusion")
    assert page.is_enabled("[data-ask=mc_dropout]")
    # The task follows the data set, and the data set the task.
    set_control(page, "task", "regression")
    wait_for_config(page, "dataset", "plane")
    assert not page.is_visible("#tab-confusion")
    assert page.is_visible("#panel-doctor")
    set_control(page, "dataset", "rings")
    wait_for_config(page, "task", "classification")
    set_control(page, "classes", 4)
    wait_for_config(page, "classes", 4)
    page.wait_for_function("document.querySelectorAll('.legend .swatch').length === 4")
    # The address holds it all, and gives it back.
    before = config(page)
    page.reload()
    page.wait_for_function("window.playground && playground.frames > 0")
    assert config(page) == before
    assert page.input_value("[name=hidden]") == "3"


def test_changes_that_follow_one_another_at_once_all_hold(page):
    changes = {"noise": 5, "batch_size": 7, "learning_rate": 0.3, "hidden": "2", "l2": 0.01}
    for name, value in changes.items():
        set_control(page, name, value)
    wait_for_config(page, "l2", 0.01)
    assert {name: config(page)[name] for name in changes} == changes


def test_page_and_server_begin_with_the_same_configuration(page):
    assert page.is_disabled("[data-ask=mc_dropout]")
    assert "dropout" in page.get_attribute("[data-ask=mc_dropout]", "title")
    defaults = page.evaluate("import('/static/configuration.js').then((all) => all.DEFAULTS)")
    assert defaults == json.loads(json.dumps(Configuration().as_dict()))


def test_wrong_settings_are_marked_or_refused(browser, address):
    with opened(browser, address, "#dataset=plane&task=classification&hidden=5") as page:
        wait_for_config(page, "dataset", "plane")
        assert config(page)["hidden"] == "5"
    fragment = "#preset=nope&dataset=xor&hidden=99&noise=99&batch_size=40&l2=0.01&word=1"
    with opened(browser, address, fragment) as page:
        # What cannot be is left out of the address, and all else is taken.
        wait_for_config(page, "l2", 0.01)
        found = config(page)
        assert (found["dataset"], found["hidden"]) == ("xor", "4,2")
        assert (found["noise"], found["batch_size"]) == (0, 10)
        words = page.inner_text("#notices")
        assert "preset=nope, hidden=99, word=1" in words
        assert "noise=99: Noise must be" in words
        assert "batch_size=40: Batch size must be" in words
        assert page.locator(".notice.error").count() == 0
        assert "nope" not in page.url
        assert "noise=0" in page.url
        set_control(page, "hidden", "4,x")
        assert page.get_attribute("[name=hidden]", "aria-invalid") == "true"
        assert "from 1 to 8" in page.inner_text("label:has([name=hidden]) .rule")
        set_control(page, "learning_rate", "0")
        assert page.get_attribute("[name=learning_rate]", "aria-invalid") == "true"
        assert config(page)["hidden"] == "4,2"


def test_numbers_of_the_address_that_are_none_are_left_out(browser, address):
    with opened(browser, address, "#learning_rate=NaN&l1=1e999&hidden=3") as page:
        assert "learning_rate=NaN, l1=1e999" in page.inner_text(".notice.warning")
        found = config(page)
        assert (found["learning_rate"], found["l1"], found["hidden"]) == (0.03, 0, "3")


def test_layers_units_inputs_and_weights_change_on_the_picture(page):
    page.click("[aria-label='Add a hidden layer']")
    wait_for_config(page, "hidden", "4,2,2")
    # The second click comes before the server has answered the first one.
    page.evaluate(
        """() => {
          const more = document.querySelector("[aria-label='Add a unit to layer 3']");
          more.click();
          more.click();
        }"""
    )
    wait_for_config(page, "hidden", "4,2,4")
    page.click("[aria-label='Remove a unit of layer 3']")
    wait_for_config(page, "hidden", "4,2,3")
    page.click("[aria-label='Remove a unit of layer 1']")
    wait_for_config(page, "hidden", "3,2,3")
    page.click("[aria-label='Remove the last hidden layer']")
    wait_for_config(page, "hidden", "3,2")
    page.click("[aria-label='Input x²']")
    wait_for_config(page, "features", ["x", "y", "x2"])
    for name in ("x", "y", "x²"):
        page.click(f"[aria-label='Input {name}']")
    assert "at least one input" in page.inner_text(".notice.warning")
    wait_for_config(page, "features", ["x2"])
    page.select_option("[aria-label='Activation of layer 2']", "relu")
    wait_for_config(page, "activations", ["tanh", "relu"])
    assert page.locator(".node.unit").count() == 5
    # A weight set by hand changes the loss, and is undone.
    settle(page)
    before = number(page, "test-loss")
    page.click("[aria-label^='Output']")
    page.fill("#editor label:has-text('bias') input", "3")
    page.press("#editor label:has-text('bias') input", "Enter")
    page.wait_for_function(f"Number(document.getElementById('test-loss').textContent) !== {before}")
    page.keyboard.press("Control+z")
    page.wait_for_function(f"Number(document.getElementById('test-loss').textContent) === {before}")


def test_a_line_tells_its_weight_and_takes_another(page):
    source = page.locator("[aria-label='Input x']").bounding_box()
    target = page.locator("[aria-label^='Layer 1, unit 1']").bounding_box()
    x = (source["x"] + source["width"] + target["x"]) / 2
    y = source["y"] + source["height"] / 2
    page.mouse.move(x, y)
    assert page.inner_text("#tooltip").startswith("weight ")
    page.mouse.click(x, y)
    frames = page.evaluate("playground.frames")
    page.fill("#editor input", "-2")
    page.keyboard.press("Enter")
    page.wait_for_function(f"playground.frames > {frames}")
    page.mouse.move(x + 1, y)
    assert page.inner_text("#tooltip").startswith("weight -2.00")
    # Two lines are the directions of a loss surface.
    page.click("#tab-loss_surface")
    page.select_option("[name=directions]", "weights")
    page.mouse.click(x, y)
    page.keyboard.press("Escape")
    page.click("[data-ask=loss_surface]")
    page.wait_for_selector("#panel-loss_surface canvas")
    text = page.inner_text("#panel-loss_surface .answer")
    assert "Across: x → unit 1 of layer 1, from -2" in text
    assert "Upwards: y → unit 1 of layer 1" in text


def test_pointing_at_a_unit_enlarges_its_map(page):
    pixels = "document.getElementById('boundary').toDataURL()"
    before = page.evaluate(pixels)
    page.hover("[aria-label^='Layer 1, unit 2']")
    page.wait_for_function("document.querySelector('.shown').textContent.includes('unit')")
    assert page.evaluate(pixels) != before
    page.hover("h1")
    page.wait_for_function("document.querySelector('.shown').textContent.includes('network')")
    assert page.evaluate(pixels) == before


def test_keys_train_step_reset_and_undo(page):
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.getElementById('epoch').textContent === '1'")
    page.keyboard.press("Space")
    page.wait_for_function("playground.state.running && playground.frames > 10")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.keyboard.press("Space")
    page.wait_for_function("!playground.state.running")
    page.keyboard.press("r")
    page.wait_for_function("document.getElementById('epoch').textContent === '0'")
    # Also after a look at the keys.
    page.click("#keys")
    page.keyboard.press("Escape")
    page.keyboard.press("Space")
    page.wait_for_function("playground.state.running")
    page.keyboard.press("Space")
    page.wait_for_function("!playground.state.running")
    settle(page)
    page.wait_for_function(
        "document.getElementById('code-epoch').textContent"
        ".startsWith(`epoch ${document.getElementById('epoch').textContent};`)"
    )
    set_control(page, "dataset", "spiral")
    wait_for_config(page, "dataset", "spiral")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+z")
    wait_for_config(page, "dataset", "circle")
    page.click("#regenerate")
    wait_for_config(page, "data_seed", 1)


def test_the_back_button_returns_to_the_configuration_before(page):
    set_control(page, "dataset", "gaussian")
    wait_for_config(page, "dataset", "gaussian")
    assert "dataset=gaussian" in page.url
    page.go_back()
    wait_for_config(page, "dataset", "circle")
    assert page.input_value("[name=dataset]") == "circle"
    # A lesson with two networks is one entry too.
    page.click("[data-lesson=dropout]")
    page.wait_for_selector("#network-b .node.unit")
    page.click("[data-lesson=l1-zeros]")
    wait_for_config(page, "l1", 0.03)
    page.go_back()
    page.wait_for_selector("#network-b .node.unit")
    wait_for_config(page, "hidden", "8,8")
    assert page.inner_text("#lesson h2") == "Dropout"
    page.go_forward()
    wait_for_config(page, "l1", 0.03)
    assert page.locator("#network-b").count() == 0
    # A lesson ends where other data is chosen.
    set_control(page, "dataset", "gaussian")
    wait_for_config(page, "dataset", "gaussian")
    assert not page.is_visible("#lesson")
    assert "preset" not in page.url


def test_test_points_and_two_colours_are_drawn_on_request(page):
    pixels = "[...document.querySelectorAll('.square canvas')].map((one) => one.toDataURL())"
    boundary, points = page.evaluate(pixels)
    # The address that the page writes itself shows the same.
    page.reload()
    page.wait_for_function("window.playground && playground.frames > 0")
    assert page.evaluate(pixels)[1] == points
    page.check("[name=show_test]")
    assert page.evaluate(pixels)[1] != points
    page.check("[name=discretize]")
    assert page.evaluate(pixels)[0] != boundary
    page.reload()
    assert page.is_checked("[name=show_test]")
    assert page.is_checked("[name=discretize]")


def test_a_table_is_uploaded_and_trained_on(page):
    rows = "".join(f"{k % 7},{k % 5},{'ab'[k % 2]},{(k % 7) > 3}\n" for k in range(200))
    table = {"name": "own.csv", "mimeType": "text/csv", "buffer": f"p,q,r,s\n{rows}".encode()}
    page.set_input_files("#upload", table)
    page.select_option("[name=upload_target]", "s")
    page.click("#dialog >> text=Train on it")
    wait_for_config(page, "dataset", "table")
    assert page.input_value("[name=target]") == "s"
    train_until(page, "Number(document.getElementById('test-loss').textContent) < 0.2")
    assert [page.inner_text(f".axis-{axis}.title") for axis in "xy"] == ["p", "q"]
    # A reload trains on the same table, and a second network too.
    set_control(page, "hidden", "5")
    wait_for_config(page, "hidden", "5")
    set_control(page, "target", "r")
    wait_for_config(page, "target", "r")
    before, points = config(page), page.evaluate("playground.state.data")
    page.reload()
    page.wait_for_function("window.playground && playground.frames > 0")
    assert config(page) == before
    assert page.evaluate("playground.state.data") == points
    assert page.input_value("[name=target]") == "r"
    page.click("#compare")
    page.wait_for_selector("#network-b .node.input")
    assert page.locator("#network-b .node.input").count() == 3
    page.click("#compare")
    # A server started anew does not have it; its target and all other settings are still known.
    page.evaluate(
        "history.replaceState(null, '', location.href.replace(/([#&]table=)[0-9a-f]+/, '$1none'))"
    )
    page.reload()
    page.wait_for_function("window.playground && playground.frames > 0")
    wait_for_config(page, "hidden", "5")
    assert config(page)["dataset"] == "circle"
    # The notice stays until a table is chosen.
    set_control(page, "l2", 0.01)
    wait_for_config(page, "l2", 0.01)
    assert "Choose own.csv" in page.inner_text(".notice")
    page.set_input_files("#upload", table)
    page.click("#dialog >> text=Train on it")
    wait_for_config(page, "target", "r")
    assert config(page)["hidden"] == "5"
    # A file that is refused takes the place of the one before among the notices.
    for name, content in (("one.csv", b"a\n1\n"), ("two.csv", b"a,a,x\n1,2,3\n")):
        wrong = {"name": name, "mimeType": "text/csv", "buffer": content}
        page.set_input_files("#upload", wrong)
        page.wait_for_selector(f".notice.error >> text={name}")
    assert page.locator(".notice").count() == 1
    # A number of the row, which is no input where it is what is predicted.
    rows = "".join(f"{k + 1},{k % 5},{'ab'[k % 2]}\n" for k in range(20))
    counting = {"name": "n.csv", "mimeType": "text/csv", "buffer": f"id,p,q\n{rows}".encode()}
    page.set_input_files("#upload", counting)
    page.wait_for_selector("#dialog .warning >> text=column id counts the rows")
    page.select_option("[name=upload_target]", "id")
    assert page.is_hidden("#dialog .warning")


def test_two_networks_train_side_by_side_on_one_set(page):
    page.click("#compare")
    page.wait_for_function("document.querySelectorAll('#network-b .node.unit').length === 6")
    assert "epoch for epoch" in page.inner_text("#pace")
    page.click("#network-b h2 >> nth=0")
    assert page.is_checked("[name=chosen][value=b]")
    set_control(page, "hidden", "8")
    page.wait_for_function("document.querySelectorAll('#network-b .node.unit').length === 8")
    assert config(page)["hidden"] == "4,2"
    set_control(page, "dataset", "xor")
    wait_for_config(page, "dataset", "xor")
    assert "b.hidden=8" in page.url
    page.click("#play")
    for which in "ab":
        page.wait_for_function(
            f"Number(document.querySelector('#network-{which} .epoch').textContent) > 3"
        )
    # One that is opened while the other trains catches up.
    page.click("#compare")
    page.click("#compare")
    joined = "Number(document.querySelector('#network-b .epoch').textContent) > 10"
    page.wait_for_function(joined)
    # The other one, which waits meanwhile, goes on again.
    waited = number(page, "epoch")
    page.wait_for_function(f"Number(document.getElementById('epoch').textContent) > {waited + 10}")
    # Both rest at the same epoch.
    page.click("#play")
    page.wait_for_function("!playground.state.running")
    page.wait_for_function(
        "new Set([...document.querySelectorAll('.network .epoch')].map((one) => one.textContent))"
        ".size === 1"
    )
    page.click("#compare")
    assert page.locator("#network-b").count() == 0
    assert "b.hidden" not in page.url


def test_nan_is_told_in_red_with_the_way_back(browser, address):
    with opened(browser, address, "#preset=rate-too-high") as page:
        page.click("#play")
        assert "NaN" in page.inner_text(".notice.error p")
        page.click(".notice.error >> text=Reset with the rate")
        wait_for_config(page, "learning_rate", 0.01)
        assert page.locator(".notice.error").count() == 0


def test_findings_go_with_their_network(browser, address):
    with opened(browser, address, "#preset=rate-too-high") as page:
        page.click("#play")
        page.wait_for_selector("#network-a .foot.error")
        page.click("[data-lesson=xor]")
        wait_for_config(page, "dataset", "xor")
        assert page.inner_text("#findings") == "Nothing found so far."
        assert page.locator(".foot.error, .foot.warning").count() == 0


def test_the_page_fits_a_telephone(browser, address):
    size = {"width": 380, "height": 800}
    with opened(browser, address, "#hidden=8,8,8,8,8,8", viewport=size) as page:
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 380
        assert page.locator("#play").is_visible()
        # Six layers are wider than the page; it says so.
        assert page.locator(".scroll-hint").is_visible()
        page.click("[aria-label^='Output']")
        editor = page.locator("#editor").bounding_box()
        assert editor["x"] >= 0
        assert editor["x"] + editor["width"] <= 380
        assert editor["y"] + editor["height"] <= 800
        assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_everything_pressed_has_a_name(page):
    unnamed = page.evaluate(
        """[...document.querySelectorAll('button, select, input, canvas:not([aria-hidden])')]
          .filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim()
            || one.closest('label')?.textContent.trim() || one.closest('[aria-label]')))
          .map((one) => one.outerHTML)"""
    )
    assert unnamed == []


def test_each_lesson_opens_with_its_text(page):
    chips = page.locator("#lessons button")
    assert chips.count() >= 8
    for k in range(chips.count()):
        chip = chips.nth(k)
        frames = page.evaluate("playground.frames")
        chip.click()
        assert page.inner_text("#lesson h2") == chip.inner_text()
        assert len(re.findall(r"[.?!]( |$)", page.inner_text("#lesson .text"))) >= 3
        tutorial = page.inner_text("#lesson .source").partition(": ")[2]
        assert (ROOT / tutorial).is_file()
        assert f"preset={chip.get_attribute('data-lesson')}" in page.url
        page.wait_for_function(f"playground.frames > {frames}")
    page.click("#lesson .close")
    assert not page.locator("#lesson").is_visible()


def test_a_dropped_file_is_uploaded(page):
    page.evaluate(
        """() => {
          const files = new DataTransfer();
          files.items.add(new File(["a,b,c\\n" + "1,2,u\\n3,1,v\\n".repeat(30)], "dropped.csv"));
          const event = (type) => new DragEvent(type, { dataTransfer: files, bubbles: true });
          document.body.dispatchEvent(event("dragover"));
          document.body.dispatchEvent(event("drop"));
        }"""
    )
    page.wait_for_selector("#dialog >> text=dropped.csv")
    page.click("#dialog >> text=Cancel")
    assert config(page)["dataset"] == "circle"


def test_one_unit_has_an_activation_of_its_own(page):
    page.click("[aria-label^='Layer 2, unit 1']")
    page.select_option("#editor select", "relu")
    activations = [["tanh"] * 4, ["relu", "tanh"]]
    wait_for_config(page, "unit_activations", activations)
    assert "unit_activations=tanh,tanh,tanh,tanh;relu,tanh" in page.url
    page.reload()
    page.wait_for_function("window.playground && playground.frames > 0")
    assert config(page)["unit_activations"] == activations


def test_colours_follow_the_theme(page):
    pixels = "document.getElementById('boundary').toDataURL()"
    light = page.evaluate(pixels)
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(243, 245, 248)"
    page.click("#theme")
    page.click("#theme")
    assert page.inner_text("#theme") == "Theme: dark"
    assert page.evaluate(background) == "rgb(20, 23, 27)"
    assert page.evaluate(pixels) != light


def test_the_page_keeps_to_its_policy_and_stays_in_place_while_loading(browser, address):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as made:
        page = made.new_page()
        failures = []
        page.on("console", lambda m: failures.append(m.text) if is_failure(m) else None)
        page.add_init_script(
            "window.jumps = 0; new PerformanceObserver((list) => {"
            " for (const shift of list.getEntries()) window.jumps += shift.value;"
            "}).observe({ type: 'layout-shift', buffered: true });"
        )
        page.goto(address + "#preset=l1-zeros")
        page.locator("#code", has_text="kerasnn.fit").wait_for()
        assert page.evaluate("window.jumps") < 0.02
        assert failures == []


def test_no_page_without_the_token(browser, address):
    with browser.new_context() as made:
        answer = made.new_page().goto(address.partition("?")[0])
        assert answer.status == 403


@pytest.mark.slow
def test_the_table_of_the_command_line_is_shown_first(browser, tmp_path):
    table = tmp_path / "own.csv"
    table.write_text("p,q,r\n" + "".join(f"{k},{k % 5},{k * 0.5}\n" for k in range(60)))
    with (
        served(str(table), "--target", "r") as address,
        opened(browser, address) as page,
    ):
        assert page.input_value("[name=dataset]") == "table"
        assert page.input_value("[name=target]") == "r"
        assert page.evaluate("playground.state.task") == "regression"
        set_control(page, "plot_x", "pca")
        wait_for_config(page, "plot_y", "pca")


@pytest.mark.slow
def test_one_page_too_many_says_so(browser):
    with served("--sessions", "1") as address, opened(browser, address):
        page = browser.new_page()
        page.goto(address)
        assert "session" in page.inner_text(".notice.error")
        # A server started anew has another token.
        page.route("**/?token=*", lambda route: route.fulfill(status=403))
        page.click("text=Connect again")
        page.wait_for_selector(".notice.error >> text=printed last")
        page.close()


def ask(page, what, text):
    """Asks a question in its tab; the answer contains a text."""
    tab = what if page.locator(f"#panel-{what}").count() else "uncertainty"
    page.click(f"#tab-{tab}")
    page.click(f"[data-ask={what}]")
    page.wait_for_selector(f"[data-ask={what}]:not(:disabled)", timeout=60_000)
    assert text in page.inner_text(f"#panel-{tab}")
    assert page.locator(f"#panel-{tab} .failure").count() == 0


@pytest.mark.slow
def test_each_question_is_answered(page):
    # The rate that is suggested is taken over.
    set_control(page, "learning_rate", 0.00001)
    wait_for_config(page, "learning_rate", 0.00001)
    ask(page, "lr_find", "Use ")
    page.click("#panel-lr_find .answer button")
    page.wait_for_function("playground.state.config.learning_rate > 0.0001")
    # It goes with the network that it is about, but not with the rate.
    assert "Use " in page.inner_text("#panel-lr_find .answer")
    set_control(page, "dropout", 0.2)
    wait_for_config(page, "dropout", 0.2)
    assert page.inner_text("#panel-lr_find .answer") == ""
    train_until(page, "Number(document.getElementById('epoch').textContent) > 20")
    ask(page, "doctor", "")
    ask(page, "confusion", "Test points")
    ask(page, "k_fold", "mean and standard error")
    ask(page, "loss_surface", "Dark is low")
    ask(page, "ensemble", "10 networks")
    ask(page, "mc_dropout", "predictions with dropout")
    page.wait_for_function("document.querySelector('.shown').textContent.includes('deviation')")
    page.click("#no-uncertainty")
    page.wait_for_function("document.querySelector('.shown').textContent.includes('network')")


@pytest.mark.slow
@pytest.mark.parametrize("hidden", ["4,2", "8,8,8,8,8,8"])
def test_pictures_and_epochs_come_fast(browser, address, hidden):
    """Bounds far below what a quiet machine does: it tells when something is broken."""
    with opened(browser, address, f"#hidden={hidden}") as page:
        assert page.evaluate("playground.first_frame_ms") < 6000
        page.click("#play")
        page.wait_for_function("playground.frames > 60")
        assert page.evaluate("playground.fps()") > 8
        assert page.evaluate("playground.epochs_per_second()") > 15
        assert page.evaluate("playground.last_frame_bytes") < 50_000
        page.click("#play")
        page.wait_for_function("playground.pause_ms !== null")
        assert page.evaluate("playground.pause_ms") < 1000
