/**
 * The page: what is on the screen follows from what the bridge knows; nothing is remembered twice.
 *
 * One picture is looked at. A new one from the camera takes its place, unless the person is writing about the old one:
 * then a button says that there is a new one.
 */
import { Bridge } from "./bridge.js";
import { $, setText } from "./dom.js";
import { Photos } from "./photos.js";
import { Thread } from "./thread.js";
import { isOpen } from "./turn.js";
import { View } from "./view.js";
import { errorText, pick, translator } from "./words.js";

const SELECTED = "bridge.selected";
const NEAR_END = 80; // px from the end within which the text is followed as it grows

const language = pick(navigator.languages);
const t = translator(language);
const bridge = Object.assign(new Bridge(), { language });
const photos = new Photos((sha256) => bridge.picture(sha256));
const thread = new Thread($("thread"), { t, language, onAgain: ({ text, prompt }) => ask(text, { anew: true, prompt }) });
const view = new View({ t, language, photos, onSelect: select, onPrompt: askReady });
let selected = sessionStorage.getItem(SELECTED) ?? "";
let newest = "";
let frame = 0;

// ------------------------------------------------------------------------------------- which picture is looked at

/** The picture that is looked at. One chosen on the page may have got another key from the laptop since. */
function current(pictures = bridge.answers.pictures()) {
  const same = (each) => each.key === selected;
  return pictures.find(same) ?? pictures.findLast((each) => each.sha256 === selected) ?? pictures.at(-1);
}

function select(key) {
  selected = key;
  sessionStorage.setItem(SELECTED, key);
  $("stage").scrollTo(0, 0);
  draw();
}

/** Is there a picture that was not there before? Look at it, unless the person is writing about another one. */
function notice(pictures) {
  const last = pictures.at(-1)?.key ?? "";
  if (last !== newest) {
    const reloaded = newest === "" && selected !== "";
    newest = last;
    const writing = selected !== "" && selected !== last && $("text").value.trim() !== "";
    if (writing && !reloaded) $("fresh").hidden = false;
    else if (!reloaded) select(last);
  }
  if (selected === newest) $("fresh").hidden = true;
}

// ------------------------------------------------------------------------------------- drawing

function draw() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const pictures = bridge.answers.pictures();
    notice(pictures);
    const picture = current(pictures);
    view.draw(bridge, pictures, picture);
    follow(picture, () => thread.draw(picture));
  });
}

/** Draws, and keeps the end of a growing answer in sight if that is where the person is reading. */
function follow(picture, drawing) {
  const stage = $("stage");
  const atEnd = stage.scrollHeight - stage.scrollTop - stage.clientHeight < NEAR_END;
  drawing();
  if (atEnd && picture?.turns.some(isOpen)) stage.scrollTop = stage.scrollHeight;
}

// ------------------------------------------------------------------------------------- asking

/** Asks about the picture that is looked at, going on from its last good answer, or `anew`. */
function ask(text, { anew = false, prompt = "" } = {}) {
  const picture = current();
  const previous = anew ? null : picture.turns.findLast((turn) => turn.phase === "done" || turn.phase === "cut");
  bridge.ask({ text, picture, previous: previous?.responseId ?? null, prompt });
  $("stage").scrollTop = $("stage").scrollHeight;
}

/** A ready question stands for itself: what was said before has nothing to do with it. */
function askReady(prompt) {
  ask(prompt.text[language], { anew: true, prompt: prompt.name });
}

async function askAbout(file) {
  const text = $("text").value.trim() || bridge.answers.session.prompt || t("defaultQuestion");
  $("text").value = "";
  const picture = await bridge.capture(file);
  if (picture) bridge.ask({ text, picture });
}

/** Asks before it deletes; what cannot be deleted now is said where the person looks. */
function confirmDelete() {
  setText($("confirm-trouble"), "");
  $("confirm").showModal();
}

async function remove() {
  const button = $("confirm-delete");
  button.disabled = true;
  try {
    await bridge.remove(current().sha256);
    $("confirm").close();
  } catch (error) {
    setText($("confirm-trouble"), t("deleteFailed", { message: error.message }));
  }
  button.disabled = false;
}

function go(event) {
  event.preventDefault();
  const text = $("text").value.trim();
  if ($("go").disabled) return;
  if ($("go").dataset.does === "stop") {
    bridge.stop(current().turns.at(-1));
    return;
  }
  $("text").value = "";
  ask(text);
}

/** A screen reader hears the finished answer once, not every word as it comes. */
function announcement(turn) {
  if (turn.phase === "failed") return errorText(t, language, turn.error);
  return t("finished", { text: turn.answer || t("noText") });
}

// ------------------------------------------------------------------------------------- what happens

bridge
  .on("change", draw)
  .on("status", (status) => {
    if (status === "up") photos.retry();
    draw();
  })
  .on("finish", (turn) => setText($("announce"), announcement(turn)));

$("composer").addEventListener("submit", go);
$("text").addEventListener("input", draw);
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) askAbout(file);
});
$("fresh").addEventListener("click", () => select(newest));
$("pause").addEventListener("click", () => bridge.pause(bridge.answers.session.watching));
$("send-held").addEventListener("click", () => bridge.sendHeld());
$("delete").addEventListener("click", confirmDelete);
$("confirm-delete").addEventListener("click", remove);
$("photo").addEventListener("click", () => {
  $("zoom-img").src = $("photo-img").src;
  $("zoom").showModal();
});
$("zoom").addEventListener("click", () => $("zoom").close());

addEventListener("hashchange", () => bridge.connect());
addEventListener("online", () => bridge.wake());
addEventListener("pageshow", () => bridge.wake());
addEventListener("pagehide", () => bridge.save());
document.addEventListener("visibilitychange", () => (document.hidden ? bridge.save() : bridge.wake()));

draw();
bridge.connect();
