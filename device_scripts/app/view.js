/** What stands on the screen around the answers: link, trouble, watching, picture, strip, composer. */
import { $, element, keyed, setText } from "./dom.js";
import { isAwaited } from "./thread.js";
import { isOpen } from "./turn.js";

export class View {
  /** `photos` gives addresses of pictures; `onSelect(key)` and `onPrompt(prompt)` are told what the person tapped. */
  constructor({ t, language, photos, onSelect, onPrompt }) {
    Object.assign(this, { t, language, photos, onSelect, onPrompt });
    this.clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    for (const node of document.querySelectorAll("[data-t]")) setText(node, t(node.dataset.t));
    const labels = { photo: "enlarge", "zoom-close": "close", strip: "pictures", chips: "prompts", file: "choose" };
    for (const [id, key] of Object.entries(labels)) $(id).ariaLabel = t(key);
    $("text").placeholder = $("text").ariaLabel = t("ask");
  }

  draw({ status, answers }, pictures, picture) {
    const linked = status !== "expired" && status !== "unlinked";
    this.#scene(status, linked, picture);
    this.#link(status, linked, answers, picture);
    this.#watch(status, linked, answers.session);
    $("tools").hidden = !linked || !picture?.sha256;
    $("delete").disabled = status !== "up";
    this.#photo(picture);
    this.#strip(pictures, picture);
    this.#chips(linked && picture ? answers.prompts : []);
    this.#composer(linked, picture);
  }

  #scene(status, linked, picture) {
    document.body.dataset.scene = picture ? "picture" : linked ? "waiting" : "blocked";
    document.body.dataset.status = status;
    if (linked) return;
    setText($("blocked-title"), this.t(`${status}Title`));
    setText($("blocked-help"), this.t(`${status}Help`));
  }

  #link(status, linked, { session, phone }, picture) {
    setText($("phone"), session.device.model || session.device.serial || this.t("title"));
    setText($("status-text"), this.t(linked ? status : "ended"));
    const [title, help] = this.#trouble(status, linked, session, phone, picture);
    $("notice").hidden = !title;
    setText($("notice-title"), title);
    setText($("notice-help"), help);
  }

  /** What is wrong, and what helps; empty when all is well, or when the whole screen says it. */
  #trouble(status, linked, session, phone, picture) {
    const { t } = this;
    if (status === "down") return [t("downTitle"), t("downHelp")];
    if (!linked) return picture ? [t(`${status}Title`), `${t("stepCommand")} bridge connect`] : ["", ""];
    return [session.host === "away" ? t("hostAway") : phone.hint, ""];
  }

  #watch(status, linked, { watching, held }) {
    $("held").hidden = !held || !linked;
    setText($("held-text"), this.t(held === 1 ? "heldOne" : "heldMany", { n: held }));
    $("send-held").disabled = status !== "up" || watching === false;
    $("watch").hidden = watching === null || !linked;
    $("watch").dataset.on = watching;
    setText($("watch-text"), this.t(watching ? "watching" : "paused"));
    setText($("watch-help"), this.t(watching ? "watchingHelp" : "pausedHelp"));
    setText($("pause"), this.t(watching ? "pause" : "resume"));
    $("pause").disabled = status !== "up";
  }

  #photo(picture) {
    const last = picture?.turns.at(-1);
    $("photo").hidden = !picture?.sha256;
    if (!picture?.sha256) return;
    $("photo").toggleAttribute("data-busy", last ? isOpen(last) && !last.answer : isAwaited(picture));
    show($("photo-img"), this.photos.whole(picture.sha256));
  }

  #strip(pictures, shown) {
    const withPhoto = pictures.filter((each) => each.sha256);
    $("strip").hidden = withPhoto.length < 2;
    keyed($("strip"), withPhoto.reverse(), {
      key: (picture) => picture.key,
      make: () => {
        const image = element("img", { alt: "", decoding: "async" });
        return element("li", {}, element("button", { type: "button" }, image));
      },
      update: (node, picture) => {
        const button = node.firstChild;
        button.ariaLabel = this.t("picture", { time: this.clock.format(picture.at) });
        button.ariaCurrent = String(picture === shown);
        button.toggleAttribute("data-busy", picture.turns.some(isOpen));
        button.onclick = () => this.onSelect(picture.key);
        show(button.firstChild, this.photos.thumb(picture.sha256));
      },
    });
  }

  /** Ready questions, a tap each. */
  #chips(prompts) {
    $("chips").hidden = !prompts.length;
    keyed($("chips"), prompts, {
      key: (prompt) => prompt.name,
      make: () => element("li", {}, element("button", { type: "button" })),
      update: (node, prompt) => {
        setText(node.firstChild, prompt.title[this.language] || prompt.name);
        node.firstChild.onclick = () => this.onPrompt(prompt);
      },
    });
  }

  /** One button in one place: it sends, and while an answer is written it stops that. */
  #composer(linked, picture) {
    const last = picture?.turns.at(-1);
    const running = Boolean(last) && isOpen(last);
    const go = $("go");
    go.dataset.does = running ? "stop" : "send";
    go.ariaLabel = this.t(go.dataset.does);
    go.disabled = running ? !last.responseId : !picture || !$("text").value.trim();
    go.querySelector("use").setAttribute("href", running ? "#i-stop" : "#i-send");
    $("dock").inert = !linked;
  }
}

/** Shows the picture behind `address` (a promise), or says that there is none. */
async function show(image, address) {
  if (image.address === address) return;
  image.address = address;
  const url = await address.catch(() => "");
  if (image.address !== address) return; // another picture was asked for meanwhile
  const say = (broken) => (image.parentElement.dataset.broken = broken);
  image.onerror = () => say(true); // bytes that this browser cannot draw
  say(!url);
  if (url) image.src = url;
  else image.removeAttribute("src");
}
