// The pages with an editor, by their paths (`routes.tsx`): a problem, the playground, and a shared program.

export const hasEditor = (pathname: string): boolean => /^\/(problems\/.|playground|p\/)/.test(pathname)
