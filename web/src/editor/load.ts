// Loads the editor.

export const loadEditor = () => import('./Editor')
