/** The named questions that the laptop offers, checked and bounded; what one adds to the question that is asked. */
import { isObject, list, string, words, LIMITS } from "./read.js";

const OPTIONS = ["temperature", "top_p", "max_output_tokens", "text"];

/** The list as the laptop sent it: what is no prompt is left out. */
export function readPrompts(value) {
  return list(value)
    .slice(0, LIMITS.prompts)
    .map((prompt) => ({
      name: string(prompt?.name).slice(0, LIMITS.name),
      title: both(prompt?.title),
      text: both(prompt?.text),
      system: both(prompt?.system),
      options: isObject(prompt?.options) ? prompt.options : {},
    }))
    .filter((prompt) => prompt.name && prompt.text.en);
}

/** The fields of a question that belong to a prompt beside its text. */
export function optionsOf(prompt, language) {
  if (!prompt) return {};
  const known = OPTIONS.filter((key) => prompt.options[key] !== undefined);
  const system = prompt.system[language];
  return { ...(system && { instructions: system }), ...Object.fromEntries(known.map((key) => [key, prompt.options[key]])) };
}

/** A text in both languages, or one for all. */
function both(value) {
  if (typeof value === "string") return { en: words(value), zh: words(value) };
  const [en, zh] = [words(value?.en), words(value?.zh)];
  return { en: en || zh, zh: zh || en };
}
