/** The first flights of TLS 1.3 as seeds, one byte a character. @module */

import { textOf } from "../../_support/http1.ts";

/** The first flight of a client. */
export const CLIENT_HELLO = textOf(Uint8Array.fromBase64(
  "FgMBAPoBAAD2AwMvSDYDcDlN5wfSQyrVsfQVemLKtuiXc0RDnkMoWsvvCyCJzih/3EXy2JU3Ef31dXvSHGJtXq8/71" +
    "ZOj1YF/Dw0HwAUEwITARMDwCzAK8ypwDDAL8yoAP8BAACZABcAAAArAAUEAwQDAwANABYAFAUDBAMGAwgHCAYIBQgE" +
    "BgEFAQQBADMAJgAkAB0AIHvGgRKErDMgMr9sT1hIG5pJXYw5luIdAK/cTX3OX90tAAAADgAMAAAJbG9jYWxob3N0AA" +
    "oACgAIAB0AFwAYEewAIwAAAAUABQEAAAAAAAsAAgEAAC0AAgEBABAACwAJCGh0dHAvMS4x",
));

/** The beginning of the first flight of a server. */
export const SERVER_HELLO = textOf(Uint8Array.fromBase64(
  "FgMDAHoCAAB2AwPX2i7bMKU5HqL1ZC2w8uAeY5kaBMAr1xInE8JLex8fYSCJzih/3EXy2JU3Ef31dXvSHGJtXq8/71" +
    "ZOj1YF/Dw0HxMCAAAuADMAJAAdACD/sSDEPrQnUl74fF5nQ9UXzcg/EAKr74UXF4XdhxXWWgArAAIDBBQDAwABARcD" +
    "AwKlYq4QHheYCcuTp61SMUqOVUvb9y/Ol/JklhXr4BBTmFO7HpCrY67edp9etyAXylhbk1DlErBdJC1cvJBuzCo7Oh" +
    "sH2QlfoQMJkJJh7HMqGxx9kiDrip3U/fwPp0BwxkOYmc8BWsilQUU14tXzJA6AKo5j89qZ2ikaBy7QT9b/goS1C1Rk" +
    "zmoZVyNNvVqOxQ7KDuRmn5NCvfD5YauKGkbFNj32R1j843u58ykJIGVuP/GUAMX1JNnwJ7SpHWq4bUA1s2Dbkqvaql" +
    "K1NfC/dAr8BnqRGHVGoQzkxCXwDJmOOH2mTN6wOyLEPVBCJxpoPp+7X+VVBVS9siCvWpCmBxcfukQ5MNh9hot5ZxLn" +
    "kBw2h8I6I3yvcLmR6hd4nXjGwAEuBYDKXJ2ORHULBNx9HM2VOrDiQBVrVFQq92aFWw4/peh+o8o6ox2Z1o1P2fppxQ" +
    "dZKDlSrPOgoecPCaKma5MNWLnewJg2B1Lg89mkCw9GiNHpkjlNvtdT4RzuPf/MAt+teZ/H9VgbulnLwfYWv7VkZXNR" +
    "bousH5ZumWPiHWMxlBKVrq1ITmeMePNTNIdNpFrGwxoN6jGAAsuMgZd11TYKMzss+zQXOOdAdgHog9mFEN4Jl8o3ne" +
    "1mXVDar4UQiELU6RNjOFSQNMTwxyYGrSL2cBs+819AZmE7hxrKg4ArfOHQQ1oGFVFug4mPRCXxvnF0ZKntlCN/Yu3q" +
    "RoLgGkWH3yOeP5np9j159BzUbRK0GfG7FdIjQrPCcyxnA8i7ndzN9IqTToc6vIboAdelAEsfqJp/X/OybU7JIrVLgo" +
    "Ncj0tpx45ISI9zRMOZJUN75BTwReNxMcuRUlTGaZl+yx8VjPkfiRfUBsd0dPz/c0Kf7hZu+NJI1PT5NI+nHPRMgiLy" +
    "QrIysqE=",
));
