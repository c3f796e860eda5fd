// The text above the terminal of a problem, loaded with it.
import type { Both } from './messages'

export const terminalDetail: Both<string> = {
  en: '“Run in terminal” starts your program here without the judge, with the default limits of its language. You type its input.',
  'zh-CN': '运行按钮在这里直接启动程序，不经过评测，使用该语言的默认限制。输入由你键入。',
}
