"""The carbonate system against the check values that were published with its constants, and against itself."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.world import carbonate

S, T = np.array([35.0]), np.array([25.0])


class TestConstants:
    """Dickson, Sabine & Christian (2007), chapter 5: values at S 35 and 25 degC, total scale, mol/kg."""

    def test_carbonic_acid(self):
        k = carbonate.constants(T, S)
        assert np.log10(k.k1)[0] == pytest.approx(-5.8472, abs=1e-4)
        assert np.log10(k.k2)[0] == pytest.approx(-8.9660, abs=1e-4)

    def test_boric_acid_and_water(self):
        k = carbonate.constants(T, S)
        assert np.log(k.kb)[0] == pytest.approx(-19.7964, abs=1e-4)
        assert np.log(k.kw)[0] == pytest.approx(-30.434, abs=1e-3)
        assert k.boron[0] == pytest.approx(0.000416, abs=1e-6)

    def test_solubility(self):
        """Two fits of one set of measurements, per litre and per kilogram, 3e-4 apart: ln K0 -3.5617."""
        assert np.log(carbonate.constants(T, S).k0)[0] == pytest.approx(-3.5617, abs=3e-4)


class TestSystem:
    def grid(self):
        return np.meshgrid(np.linspace(500e-6, 2600e-6, 22), np.linspace(400e-6, 3000e-6, 27))

    @pytest.mark.parametrize(("temperature", "salinity"), [(2.0, 35.0), (25.0, 35.0), (32.0, 3.0), (5.0, 0.0)])
    def test_found_hydrogen_gives_the_alkalinity_back(self, temperature, salinity):
        """Over waters no sea ever had, acid and caustic ones among them, and where a step of Newton's leaves the bracket."""
        k = carbonate.constants(np.array(temperature), np.array(salinity))
        dic, ta = self.grid()
        h = carbonate.hydrogen(dic, ta, k)
        assert np.abs(carbonate.alkalinity(h, dic, k) - ta).max() < 1e-13

    def test_one_water_from_a_guess_is_the_same_as_many_from_none(self):
        k = carbonate.constants(np.array(18.0), np.array(20.0))
        five = tuple(float(x) for x in (k.k1, k.k2, k.kb, k.kw, k.boron))
        dic, ta = (values.ravel() for values in self.grid())
        all_at_once = carbonate.hydrogen(dic, ta, k)
        one_by_one = [carbonate.near(1e-8, float(c), float(a), five) for c, a in zip(dic, ta, strict=True)]
        assert np.allclose(one_by_one, all_at_once, rtol=1e-9)

    def test_slope_is_the_derivative(self):
        k = carbonate.constants(T, S)
        ph, dic, e = np.linspace(6.5, 9.5, 13), np.array([2000e-6]), 1e-6
        measured = (carbonate.alkalinity(10 ** -(ph + e), dic, k) - carbonate.alkalinity(10 ** -(ph - e), dic, k)) / (2 * e)
        assert np.allclose(carbonate.slope(10**-ph, dic, k), measured, rtol=1e-7)

    def test_carbon_at_a_pco2_has_that_pco2(self):
        k, ta = carbonate.constants(T, S), np.array([2300e-6])
        dic = carbonate.dic_at(np.array([400.0]), ta, k)
        assert carbonate.pco2_uatm(carbonate.hydrogen(dic, ta, k), dic, k)[0] == pytest.approx(400.0, rel=1e-9)

    def test_nan_stays_nan(self):
        k = carbonate.constants(T, S)
        assert np.isnan(carbonate.hydrogen(np.array([np.nan]), np.array([2300e-6]), k)).all()

    def test_revelle_factor_and_warming_are_those_of_seawater(self):
        """Surface seawater: a per cent more carbon makes 8 to 14 per cent more pCO2 (Sabine et al. 2004), a degree 4.23 per cent more
        (Takahashi et al. 1993)."""
        dic, ta = np.array([1980e-6]), np.array([2300e-6])

        def pco2(temperature: float, carbon: np.ndarray) -> float:
            k = carbonate.constants(np.array([temperature]), S)
            return float(carbonate.pco2_uatm(carbonate.hydrogen(carbon, ta, k), carbon, k)[0])

        assert 8 < np.log(pco2(20.0, 1.001 * dic) / pco2(20.0, dic)) / np.log(1.001) < 14
        assert np.log(pco2(20.5, dic) / pco2(19.5, dic)) == pytest.approx(0.0423, abs=0.003)
