/** The questions about one picture and their answers, as they grow. */
import { element, growText, icon, keyed, setText } from "./dom.js";
import { errorText } from "./words.js";
import { isOpen } from "./turn.js";

/** Whether a polite word stands for the answer, because too much was asked at once. */
const isDeclined = (turn) => Boolean(turn.degraded?.includes("stock_text"));

/** Whether an answer to a picture without a question is still to come. */
export const isAwaited = (picture) => picture.state !== "failed" && picture.state !== "skipped";

export class Thread {
  constructor(list, { t, language, onAgain }) {
    Object.assign(this, { list, t, language, onAgain });
  }

  draw(picture) {
    const turns = picture?.turns ?? [];
    const lines = turns.length || !picture ? turns : [{ key: "capture", phase: "capture", capture: picture }];
    keyed(this.list, lines, {
      key: (turn) => turn.eventId ?? turn.key, // the same line before and after the laptop has accepted it
      make: () => this.#make(),
      update: (node, turn) => this.#update(node, turn),
    });
  }

  #make() {
    const again = element("button", { type: "button", className: "again" }, icon("again"), this.t("again"));
    const node = element(
      "li", {},
      element("h2", { className: "question" }),
      element("details", { className: "thinking" }, element("summary", {}, this.t("thinking")), element("p", { dir: "auto" })),
      element("p", { className: "answer", dir: "auto" }),
      element("p", { className: "state" }, element("span", { className: "dots" }), element("span")),
      again,
    );
    again.onclick = () => this.onAgain(node.turn);
    return node;
  }

  #update(node, turn) {
    node.turn = turn;
    node.dataset.phase = turn.phase;
    node.toggleAttribute("data-open", turn.phase === "capture" ? isAwaited(turn.capture) : isOpen(turn));
    const [question, thinking, answer, state, again] = node.children;
    setText(question, turn.text ?? "");
    question.hidden = !turn.text;
    growText(thinking.lastChild, turn.thinking ?? "");
    thinking.hidden = !turn.thinking;
    growText(answer, turn.answer ?? "");
    answer.hidden = !turn.answer;
    setText(state.lastChild, this.say(turn));
    again.hidden = turn.phase !== "failed" && turn.phase !== "stopped" && !isDeclined(turn);
  }

  /** The state of a question in words; for a finished one the small print. */
  say(turn) {
    const { t } = this;
    switch (turn.phase) {
      case "capture": return this.#sayCapture(turn.capture);
      case "sent": return turn.position > 1 ? t("queuedAt", { n: turn.position }) : t("sent");
      case "queued": return turn.loading ? t("loading") : turn.position ? t("queuedAt", { n: turn.position }) : t("reading");
      case "failed": return errorText(t, this.language, turn.error);
      case "cut": return this.#print(turn, !isDeclined(turn) && t(turn.reason === "content_filter" ? "filtered" : "cut"));
      case "stopped": return this.#print(turn, t("stopped"));
      case "done": return this.#print(turn, turn.answer ? "" : t("noText"));
      default: return t(turn.phase);
    }
  }

  #sayCapture({ state, error }) {
    if (state === "failed") return errorText(this.t, this.language, error ?? { reason: "upload" });
    const key = { pulled: "captured", sending: "sending", waiting: "waitingForModel", skipped: "skipped" }[state];
    return this.t(key ?? "reading");
  }

  #print(turn, ...before) {
    const first = turn.metrics?.time_to_first_token_ms;
    const asked = { terminal: "askedBy_terminal", run: "askedBy_run" }[turn.askedBy];
    const number = new Intl.NumberFormat(this.language, { maximumFractionDigits: 2 });
    const took = Number.isFinite(first) && this.t("firstWord", { n: number.format(first / 1000) });
    const less = turn.degraded?.length > 0 && this.t(isDeclined(turn) ? "tooBusy" : "degraded");
    return [...before, less, turn.model, took, asked && this.t(asked)].filter(Boolean).join(" · ");
  }
}
