// The texts of the editor, its result and the language picker, loaded with the pages that show them.
import type { Both } from './messages'

const en = {
  settings: 'Editor settings',
  presses: { tab: 'Tab: indent', undo: 'Undo', redo: 'Redo', left: 'Cursor left', right: 'Cursor right', up: 'Cursor up', down: 'Cursor down' },
  grid: {
    legend: 'Bars show shares of the limits: time above, memory below.',
    used: (time: string | undefined, memory: string | undefined): string => [time, memory].filter(Boolean).join(', '),
  },
  drawer: {
    samples: 'Samples',
    verdict: 'Verdict',
    terminal: 'Terminal',
    start: 'Run in terminal',
    runSamples: 'Run the samples',
    runInput: 'Run your input',
    noSamples: 'This problem has no samples.',
  },
  starter: 'This is the code to start from. Write your solution first.',
  visitor: {
    idle: 'You need an account to run and submit your code.',
    run: 'Sign in to run',
    account: (what: string) => `“${what}” needs an account. Your code is kept.`,
  },
  purposes: { samples: 'Run on the samples', input: 'Run on your input', submission: 'Submitted' },
  unsent: {
    submission: {
      title: 'Not submitted yet',
      waiting: 'The server cannot be reached. Stay on this problem: your code is submitted when the connection is back, unless you change it. If you open another page, it is not submitted; “Try again” is offered here when you return.',
      late: 'Your code was not submitted: the server could not be reached or did not accept it, or your session had ended.',
      drop: 'Do not submit',
    },
    run: {
      title: 'Not run yet',
      waiting: 'The server cannot be reached. Stay on this problem: your code is run when the connection is back. If you open another page, it is not run.',
      late: 'Your code was not run, because the server could not be reached.',
      drop: 'Do not run',
    },
    unknown: {
      title: 'The server has not confirmed your code',
      waiting: 'The connection was lost while the code was sent. Stay on this problem: it is sent again when the connection is back, and the server takes it only once. If you open another page, it is not sent again.',
      late: 'The connection was lost while the code was sent. The list of submissions shows whether the server has it.',
      lateRun: 'The connection was lost while the code was sent. Run it again.',
      drop: 'Do not send it again',
    },
  },
  otherCode: 'The code in the editor is different.',
  sendsOther: '“Try again” sends that code, not the different code that is now in the editor.',
  loaded: 'The code of the submission has replaced your code.',
  onward: {
    next: (title: string) => `Next problem: ${title}`,
    list: 'Back to the list',
    none: 'You have solved all the other problems.',
  },
  stopped: (passed: number, skipped: number, total: number) => `${passed} of ${total} tests passed, ${skipped} not run`,
  most: 'Highest of the tests',
  onSample: (n: number) => `on sample ${n}`,
  /** Where in the source an exception arose. */
  inLine: (n: number) => `(line ${n})`,
  rounded: 'Rounded up, because some tests are hidden',
  groups: 'Groups of tests',
  difference: 'First difference',
  expectedReturn: 'Expected return value',
  printed: 'Printed by your program',
  download: 'Download the output',
  interactor: {
    input: 'Input of the interactor',
    idle: 'The program waited without computing. Usually it did not flush its output, or it and the interactor waited for each other.',
  },
}

export type EditingTexts = typeof en

const zhCN: EditingTexts = {
  settings: '编辑器设置',
  presses: { tab: 'Tab：缩进', undo: '撤销', redo: '重做', left: '光标左移', right: '光标右移', up: '光标上移', down: '光标下移' },
  grid: {
    legend: '条形：上为时间，下为内存，相对于各自的限制。',
    used: (time, memory) => [time, memory].filter(Boolean).join('，'),
  },
  drawer: {
    samples: '样例',
    verdict: '评测',
    terminal: '终端',
    runSamples: '运行样例',
    runInput: '运行自定义输入',
    start: '在终端中运行',
    noSamples: '本题没有样例。',
  },
  starter: '这是初始代码，请先编写你的解法。',
  visitor: {
    idle: '运行和提交代码需要账户。',
    run: '登录后运行',
    account: (what) => `“${what}”需要账户。你的代码会保留。`,
  },
  purposes: { samples: '运行样例', input: '运行自定义输入', submission: '已提交' },
  unsent: {
    submission: {
      title: '尚未提交',
      waiting: '无法连接服务器。请停留在本题：若代码不再改动，恢复连接后会自动提交。打开其他页面会取消提交，返回此处时可以“重试”。',
      late: '无法连接服务器、服务器没有接收，或会话已结束，你的代码没有提交。',
      drop: '不再提交',
    },
    run: {
      title: '尚未运行',
      waiting: '无法连接服务器。请停留在本题：恢复连接后会自动运行你的代码。打开其他页面会取消运行。',
      late: '无法连接服务器，你的代码没有运行。',
      drop: '不再运行',
    },
    unknown: {
      title: '服务器尚未确认收到代码',
      waiting: '发送代码时连接中断。请停留在本题：恢复连接后会再次发送，服务器只会接收一次。打开其他页面会取消再次发送。',
      late: '发送代码时连接中断。提交列表会显示服务器是否已收到。',
      lateRun: '发送代码时连接中断。请重新运行。',
      drop: '不再发送',
    },
  },
  otherCode: '编辑器中的代码与此不同。',
  sendsOther: '“重试”发送的是当时的代码，而不是编辑器中现在的代码。',
  loaded: '编辑器中的代码已换成该提交的代码。',
  onward: { next: (title) => `下一题：${title}`, list: '返回题目列表', none: '其他题目你都已解出。' },
  stopped: (passed, skipped, total) => `通过 ${passed} / ${total} 个测试点，${skipped} 个未运行`,
  most: '测试点中的最大值',
  onSample: (n) => `（样例 ${n}）`,
  inLine: (n) => `（第 ${n} 行）`,
  rounded: '向上取整，因为有隐藏的测试点',
  groups: '测试组',
  difference: '第一处差异',
  expectedReturn: '期望返回值',
  printed: '程序打印的内容',
  download: '下载输出',
  interactor: {
    input: '交互器的输入',
    idle: '程序在等待而没有计算。通常是没有刷新（flush）输出，或者程序与交互器互相等待。',
  },
}

export const editing: Both<EditingTexts> = { en, 'zh-CN': zhCN }
