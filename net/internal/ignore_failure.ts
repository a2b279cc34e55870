/**
 * Ignores the failure of work, on purpose. Use it for work whose failure changes nothing, such as
 * cleaning up after an earlier failure.
 *
 * @param work The work, which goes on in any case.
 * @returns Resolves when the work has ended, either way.
 */
export async function ignoreFailure(work: PromiseLike<unknown> | undefined): Promise<void> {
  try {
    await work;
  } catch { /* Ignored on purpose, see above. */ }
}
