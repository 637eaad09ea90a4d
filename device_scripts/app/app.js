/**
 * The page: what is on the screen follows from what the bridge knows; nothing is remembered twice.
 *
 * One picture is looked at. A new one from the camera takes its place, unless the person is busy with the old one:
 * then a button says that there is a new one.
 */
import { Bridge } from "./bridge.js";
import { $, element, keyed, setText } from "./dom.js";
import { Photos } from "./photos.js";
import { isAwaited, Thread } from "./thread.js";
import { isOpen } from "./turn.js";
import { errorText, pick, translator } from "./words.js";

const SELECTED = "bridge.selected";
const NEAR_END = 80; // px from the end within which the text is followed as it grows

const language = pick(navigator.languages);
const t = translator(language);
const bridge = new Bridge();
const photos = new Photos((sha256) => bridge.picture(sha256));
const thread = new Thread($("thread"), { t, language, onAgain: (turn) => ask(turn.text, true) });
let selected = sessionStorage.getItem(SELECTED) ?? "";
let newest = "";
let frame = 0;

// ------------------------------------------------------------------------------------- which picture is looked at

const find = (pictures, key) => pictures.find((each) => each.key === key) ?? pictures.findLast((each) => each.sha256 === key);
const current = () => {
  const pictures = bridge.answers.pictures();
  return find(pictures, selected) ?? pictures.at(-1);
};

function select(key) {
  selected = key;
  sessionStorage.setItem(SELECTED, key);
  $("stage").scrollTo(0, 0);
  draw();
}

/** A picture that was not there before: look at it, unless the person is writing about another one. */
function notice(pictures) {
  const last = pictures.at(-1)?.key ?? "";
  if (last === newest) return;
  const first = newest === "";
  newest = last;
  if (first && selected) return; // the page was reloaded: stay where the person was
  if ($("text").value.trim() && selected && selected !== last) $("fresh").hidden = false;
  else select(last);
}

// ------------------------------------------------------------------------------------- drawing

function draw() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const pictures = bridge.answers.pictures();
    notice(pictures);
    const picture = find(pictures, selected) ?? pictures.at(-1);
    drawScene(picture);
    drawLink();
    drawWatch();
    drawStrip(pictures, picture);
    drawPhoto(picture);
    follow(picture, () => thread.draw(picture));
    drawComposer(picture);
  });
}

const unlinked = () => bridge.status === "expired" || bridge.status === "unlinked";

function drawScene(picture) {
  document.body.dataset.scene = picture ? "picture" : unlinked() ? "blocked" : "waiting";
  document.body.dataset.status = bridge.status;
  if (!unlinked()) return;
  setText($("blocked-title"), t(`${bridge.status}Title`));
  setText($("blocked-help"), t(`${bridge.status}Help`));
}

function drawLink() {
  const { device } = bridge.answers.session;
  setText($("phone"), device.model || device.serial || t("title"));
  setText($("status-text"), t(unlinked() ? "ended" : bridge.status));
  const [title, help] = trouble();
  $("notice").hidden = !title;
  setText($("notice-title"), title);
  setText($("notice-help"), help);
}

/** What is wrong, and what helps; empty when all is well, or when the whole screen says it. */
function trouble() {
  if (bridge.status === "down") return [t("downTitle"), t("downHelp")];
  if (unlinked()) {
    const shown = document.body.dataset.scene === "blocked";
    return shown ? ["", ""] : [t(`${bridge.status}Title`), `${t("stepCommand")} bridge connect`];
  }
  const { phone, session } = bridge.answers;
  return [session.host === "away" ? t("hostAway") : phone.hint, ""];
}

function drawWatch() {
  const { watching } = bridge.answers.session;
  $("watch").hidden = watching === null || unlinked();
  $("watch").dataset.on = watching;
  setText($("watch-text"), t(watching ? "watching" : "paused"));
  setText($("watch-help"), t(watching ? "watchingHelp" : "pausedHelp"));
  setText($("pause"), t(watching ? "pause" : "resume"));
  $("pause").disabled = bridge.status !== "up";
}

/** Shows the picture behind `address` (a promise), or says that there is none. */
async function show(image, address) {
  if (image.address === address) return;
  image.address = address;
  const url = await address.catch(() => "");
  if (image.address !== address) return; // another picture was asked for meanwhile
  image.parentElement.dataset.broken = !url;
  if (url) image.src = url;
  else image.removeAttribute("src");
}

function drawPhoto(picture) {
  const last = picture?.turns.at(-1);
  $("photo").hidden = !picture?.sha256;
  $("photo").toggleAttribute("data-busy", Boolean(picture) && (last ? isOpen(last) && !last.answer : isAwaited(picture)));
  if (picture?.sha256) show($("photo-img"), photos.whole(picture.sha256));
}

function drawStrip(pictures, shown) {
  const withPhoto = pictures.filter((each) => each.sha256);
  $("strip").hidden = withPhoto.length < 2;
  keyed($("strip"), withPhoto.toReversed(), {
    key: (picture) => picture.key,
    make: () => element("li", {}, element("button", { type: "button" }, element("img", { alt: "", decoding: "async" }))),
    update: (node, picture) => {
      const button = node.firstChild;
      button.ariaLabel = t("picture", { time: clock(picture.at) });
      button.ariaCurrent = picture.key === shown?.key;
      button.toggleAttribute("data-busy", picture.turns.some(isOpen));
      button.onclick = () => select(picture.key);
      show(button.firstChild, photos.thumb(picture.sha256));
    },
  });
}

function drawComposer(picture) {
  const last = picture?.turns.at(-1);
  const running = last && isOpen(last);
  const does = running ? "stop" : "send";
  $("text").placeholder = t("ask");
  $("text").ariaLabel = t("ask");
  $("go").ariaLabel = t(does);
  $("go").dataset.does = does;
  $("go").disabled = running ? !last.responseId : !picture || !$("text").value.trim();
  $("go").querySelector("use").setAttribute("href", running ? "#i-stop" : "#i-send");
  if ($("fresh").hidden === false && selected === newest) $("fresh").hidden = true;
  $("dock").inert = unlinked();
}

/** Draws, and keeps the end of a growing answer in sight if that is where the person is reading. */
function follow(picture, drawing) {
  const stage = $("stage");
  const atEnd = stage.scrollHeight - stage.scrollTop - stage.clientHeight < NEAR_END;
  drawing();
  if (atEnd && picture?.turns.some(isOpen)) stage.scrollTop = stage.scrollHeight;
}

const clock = (at) => new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }).format(at);

// ------------------------------------------------------------------------------------- asking

/** Asks about the picture that is looked at. After a failure the picture is named again: no answer to go on from. */
function ask(text, anew = false) {
  const picture = current();
  const previous = anew ? null : picture.turns.findLast((turn) => turn.phase === "done" || turn.phase === "cut");
  bridge.ask({ text, picture, previous: previous?.responseId ?? null });
  $("stage").scrollTop = $("stage").scrollHeight;
}

async function askAbout(file) {
  const text = $("text").value.trim() || bridge.answers.session.prompt || t("defaultQuestion");
  $("text").value = "";
  const picture = await bridge.capture(file);
  if (picture) bridge.ask({ text, picture });
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if ($("go").dataset.does === "stop") bridge.stop(current().turns.at(-1));
  else if (text && !$("go").disabled) {
    $("text").value = "";
    ask(text);
  }
});
$("text").addEventListener("input", draw);
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) askAbout(file);
});
$("fresh").addEventListener("click", () => select(newest));
$("pause").addEventListener("click", () => bridge.pause(bridge.answers.session.watching));

// ------------------------------------------------------------------------------------- looking closer

$("photo").addEventListener("click", () => {
  $("zoom-img").src = $("photo-img").src;
  $("zoom").showModal();
});
$("zoom").addEventListener("click", () => $("zoom").close());

// ------------------------------------------------------------------------------------- the page's life

bridge
  .on("change", draw)
  .on("status", (status) => {
    if (status === "up") photos.retry();
    draw();
  })
  .on("finish", (turn) => setText($("announce"), announcement(turn)));
addEventListener("hashchange", () => bridge.connect());
addEventListener("online", () => bridge.wake());
addEventListener("pagehide", () => bridge.save());
document.addEventListener("visibilitychange", () => (document.hidden ? bridge.save() : bridge.wake()));

/** A screen reader hears the finished answer once, not every word as it comes. */
function announcement(turn) {
  return turn.phase === "failed" ? errorText(t, language, turn.error) : t("finished", { text: turn.answer || t("noText") });
}

document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
for (const node of document.querySelectorAll("[data-t]")) setText(node, t(node.dataset.t));
$("photo").ariaLabel = t("enlarge");
$("zoom-close").ariaLabel = t("close");
$("strip").ariaLabel = t("pictures");
$("file").ariaLabel = t("choose");
draw();
bridge.connect();
