import type { Repository } from '@sealift/repository';

/** A repository as this target pretends it is: what is not overridden is the truth. */
export function pretending(repository: Repository, lies: Partial<Repository>): Repository {
  return new Proxy(repository, {
    get(truth, name) {
      if (Object.hasOwn(lies, name)) return Reflect.get(lies, name);
      const value = Reflect.get(truth, name);
      return typeof value === 'function' ? value.bind(truth) : value;
    },
  });
}
