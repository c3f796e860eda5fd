// Ends the current task of the browser. What follows runs in a new one, so that the browser can draw and answer keys in between.

export const pause = (): Promise<void> => new Promise((resume) => setTimeout(resume))
