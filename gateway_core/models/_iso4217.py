"""ISO 4217: the codes of today with their minor units, and those that were withdrawn.

Sources: List One of the standard's maintenance agency (SIX), as the package ``iso4217`` has it; a test compares. List
Three tells which codes were withdrawn, and no minor units: these are as in the editions of List One before, and OpenJDK
keeps them (``CurrencyData.properties``).
"""

from __future__ import annotations

#: The date of the edition of List One.
PUBLISHED = "2026-01-01"

_CURRENT: dict[int | None, str] = {
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
        "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
        "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU "
        "MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
        "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED "
        "VES WST XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
    None: "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX",
}

_HISTORIC = {
    2: (
        "AFA ANG ATS AYM AZM BGL BGN CSD CUC CYP DEM EEK FIM FRF GHC GWP HRK IEP LTL LVL MRO MTL MZM NLG RUR SDD "
        "SIT SKK SLL SRG STD TMM USS VEB VEF YUM ZMK ZWD ZWL ZWN ZWR"
    ),
    0: "ADP BEF BYB BYR ESP GRD ITL LUF MGF PTE ROL TPE TRL",
}

#: Decimals of each currency of today; None where the standard has none, as for gold.
CURRENT = {code: decimals for decimals, codes in _CURRENT.items() for code in codes.split()}

#: Decimals of each currency that was withdrawn since 1997: an old invoice may still be in it.
HISTORIC = {code: decimals for decimals, codes in _HISTORIC.items() for code in codes.split()}
