/** Reading what the other side sent: every value is checked for its type and bounded before it is used. */

export const LIMITS = { turns: 60, captures: 40, answer: 32_000, words: 4_000, prompts: 40, name: 64 };

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
export const list = (value) => (Array.isArray(value) ? value : []);
export const string = (value) => (typeof value === "string" ? value : "");
export const words = (value) => string(value).slice(0, LIMITS.words);
export const digest = (value) => (/^[0-9a-f]{64}$/.test(string(value)) ? value : null);
export const count = (value) => (Number.isInteger(value) && value > 0 ? value : 0);
