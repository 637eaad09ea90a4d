/** Every word the page says, in English and Chinese. `t(key, values)`; `{name}` in a text is filled from `values`. */

const EN = {
  title: "LensBridge",
  phone: "This phone",
  // the link
  linking: "Linking…",
  up: "Linked",
  down: "Reconnecting…",
  ended: "Not linked",
  downTitle: "Laptop not reachable — reconnecting…",
  downHelp:
    "Check the cable. On the laptop, “bridge connect” has to be running. " +
    "Nothing is lost: this page picks up where it was.",
  expiredTitle: "This link has expired",
  expiredHelp: "A link works once, and for this phone only. Make a fresh one:",
  unlinkedTitle: "Not linked to a laptop yet",
  unlinkedHelp: "This page is opened by the laptop, with a link of its own:",
  stepCable: "Connect this phone to the laptop with its cable.",
  stepCommand: "On the laptop, run",
  stepDone: "This page opens again by itself, linked.",
  hostAway: "The model on the laptop is not running yet. Questions wait for it.",
  // waiting for a picture
  waitingTitle: "Take a photo",
  waitingHelp:
    "Use this phone’s own camera app. The photo appears here by itself, and its answer is written while you watch.",
  watching: "The camera folder is watched",
  watchingHelp: "Only photos taken from now on are sent to your laptop.",
  paused: "Watching is paused",
  pausedHelp: "Photos you take now stay on the phone.",
  pause: "Pause",
  resume: "Watch again",
  choose: "Take one from this page",
  // a question and its answer
  captured: "Picture received",
  waitingForModel: "Waiting for the model on the laptop…",
  skipped: "Not sent: watching was paused",
  sending: "Sending the picture…",
  unsent: "Will be sent when the laptop is back",
  sent: "Sending the question…",
  queuedAt: "Waiting in line: place {n}",
  reading: "Reading the picture…",
  writing: "Writing…",
  stopped: "Stopped",
  cut: "Cut off at the length limit",
  filtered: "Cut off by the model’s filter",
  failed: "No answer",
  noText: "The answer is empty.",
  firstWord: "first word after {n} s",
  askedBy_terminal: "asked on the laptop",
  askedBy_run: "asked by a test run",
  defaultQuestion: "What is in this picture?",
  // doing
  ask: "Ask about this picture",
  send: "Send",
  stop: "Stop",
  again: "Ask again",
  enlarge: "Enlarge the picture",
  close: "Close",
  pictures: "Pictures of this session",
  picture: "Picture of {time}",
  newPicture: "New picture",
  noPicture: "This picture cannot be shown here",
  finished: "Answer: {text}",
  // errors: what happened and what helps
  error_lost: "The laptop was restarted and this answer got lost.",
  error_engine_restarted: "The model was restarted in mid-answer.",
  error_engine_unavailable: "The model is not available on the laptop right now.",
  error_engine_oom: "The model ran out of memory.",
  error_queue_full: "Too many questions at once. Try again in a moment.",
  error_rate_limited: "Too many questions at once. Try again in a moment.",
  error_too_many_inflight: "Earlier questions have to be answered first.",
  error_deadline_exceeded_in_queue: "It took too long for a turn to come.",
  error_capture_not_found: "The laptop no longer has this picture. Take it again.",
  error_image_format: "This kind of picture is not supported. JPEG and PNG work.",
  error_image_too_large: "This picture is too large.",
  error_image_too_many_pixels: "This picture has too many pixels.",
  error_image_decode: "This picture is damaged and cannot be read.",
  error_prompt_too_long: "This question is too long.",
  error_upload: "The picture could not be sent to the laptop.",
  error_other: "Something went wrong: {message}",
};

const ZH = {
  title: "LensBridge",
  phone: "本机",
  linking: "正在连接…",
  up: "已连接",
  down: "重新连接…",
  ended: "未连接",
  downTitle: "连不上电脑，正在重新连接…",
  downHelp: "请检查数据线，并确认电脑上的 “bridge connect” 正在运行。内容不会丢失，恢复后会接着显示。",
  expiredTitle: "链接已失效",
  expiredHelp: "链接只能使用一次，且只属于这台手机。请重新生成：",
  unlinkedTitle: "尚未连接电脑",
  unlinkedHelp: "这个页面由电脑打开，并自带链接：",
  stepCable: "用数据线把手机连接到电脑。",
  stepCommand: "在电脑上运行",
  stepDone: "页面会自动重新打开并连接。",
  hostAway: "电脑上的模型尚未运行，问题会先排队等待。",
  waitingTitle: "拍一张照片",
  waitingHelp: "直接使用手机自带的相机。照片会自动出现在这里，回答会逐字写出。",
  watching: "正在留意相机文件夹",
  watchingHelp: "只有从现在起拍的照片会发送到你的电脑。",
  paused: "已暂停留意",
  pausedHelp: "现在拍的照片只留在手机上。",
  pause: "暂停",
  resume: "继续",
  choose: "在这里直接拍",
  captured: "已收到照片",
  waitingForModel: "正在等待电脑上的模型…",
  skipped: "未发送：当时已暂停留意",
  sending: "正在发送图片…",
  unsent: "电脑恢复连接后会自动发送",
  sent: "正在发送问题…",
  queuedAt: "排队中：第 {n} 位",
  reading: "正在看图…",
  writing: "正在回答…",
  stopped: "已停止",
  cut: "已达到长度上限",
  filtered: "被模型的过滤器中断",
  failed: "没有得到回答",
  noText: "回答为空。",
  firstWord: "{n} 秒后开始回答",
  askedBy_terminal: "来自电脑的提问",
  askedBy_run: "来自测试的提问",
  defaultQuestion: "这张图片里有什么？",
  ask: "就这张图片提问",
  send: "发送",
  stop: "停止",
  again: "再问一次",
  enlarge: "放大图片",
  close: "关闭",
  pictures: "本次会话的图片",
  picture: "{time} 的图片",
  newPicture: "新照片",
  noPicture: "无法在这里显示这张图片",
  finished: "回答：{text}",
  error_lost: "电脑端重新启动，这条回答丢失了。",
  error_engine_restarted: "模型在回答途中重新启动了。",
  error_engine_unavailable: "电脑上的模型暂时不可用。",
  error_engine_oom: "模型内存不足。",
  error_queue_full: "同时提问太多，请稍后再试。",
  error_rate_limited: "同时提问太多，请稍后再试。",
  error_too_many_inflight: "请等前面的问题回答完。",
  error_deadline_exceeded_in_queue: "排队时间过长。",
  error_capture_not_found: "电脑上已经没有这张图片，请重新拍摄。",
  error_image_format: "不支持这种图片格式。支持 JPEG 和 PNG。",
  error_image_too_large: "图片文件太大。",
  error_image_too_many_pixels: "图片的像素太多。",
  error_image_decode: "图片已损坏，无法读取。",
  error_prompt_too_long: "问题太长。",
  error_upload: "图片没能发送到电脑。",
  error_other: "出错了：{message}",
};

export const LANGUAGES = { en: EN, zh: ZH };

/** The first of the person's languages that the page speaks, else English. */
export function pick(languages) {
  const spoken = languages.map((tag) => tag.toLowerCase().split("-")[0]);
  return spoken.find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en";
}

export function translator(language) {
  const dictionary = LANGUAGES[language];
  return (key, values = {}) => dictionary[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** What a failed answer says: our words where the reason is known, the laptop's own otherwise. */
export function errorText(t, language, error) {
  const key = `error_${error.reason}`;
  if (Object.hasOwn(LANGUAGES[language], key)) return t(key);
  return error.message ? t("error_other", { message: error.message }) : t("failed");
}
