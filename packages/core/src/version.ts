/** Version of the product, shown by `--version`, in greetings between daemons and in recovery points. */
export const PRODUCT_VERSION = '0.1.0';
