/** A value has the wrong shape. The message keeps PVE's trailing newline. */
export class FormatError extends Error {}
