// Ends the current task of the browser. The following code runs in a new task, so that the browser can draw and answer
// keys in between.

export const pause = (): Promise<void> => new Promise((resume) => setTimeout(resume))
