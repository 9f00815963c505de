using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

[TestClass]
public sealed class OrthogonalBasisTests
{
    [TestMethod]
    [DataRow(50, 1)]
    [DataRow(50, 7)]
    [DataRow(50, 48)]
    [DataRow(700, 24)]
    public void LagCovarianceEqualsTheNaiveOne(int rows, int size)
    {
        var channel = new double[rows];
        OrthogonalBasis.CentredChannel(Series(rows, 1, 100), 1, 0, channel);
        var actual = new double[size * size];
        OrthogonalBasis.LagCovariance(channel, size, actual);
        var m = rows - size + 1;
        for (var a = 0; a < size; a++)
        {
            for (var b = 0; b < size; b++)
            {
                double[] x = channel[a..(a + m)], y = channel[b..(b + m)];
                double meanX = x.Average(), meanY = y.Average();
                var expected = x.Zip(y, (u, v) => (u - meanX) * (v - meanY)).Sum() / (m - 1);
                Assert.AreEqual(expected, actual[a * size + b], 1e-12 * Math.Max(1, Math.Abs(expected)));
            }
        }
    }

    [TestMethod]
    [DataRow(LagCorrelation.ColumnNormalizedCovariance)]
    [DataRow(LagCorrelation.Pearson)]
    public void RowsAreOrthonormalEigenvectors(LagCorrelation kind)
    {
        const int Size = 20;
        var basis = OrthogonalBasis.Compute(Series(300, 3, 0), 3, 300, Size, kind);
        for (var k = 0; k < Size; k++)
        {
            var row = basis.Matrix[(k * Size)..((k + 1) * Size)];
            Assert.IsGreaterThan(0, row.MaxBy(Math.Abs));
            Assert.IsTrue(k == 0 || basis.Eigenvalues[k] <= basis.Eigenvalues[k - 1]);
            for (var j = 0; j < Size; j++)
            {
                var dot = row.Zip(basis.Matrix[(j * Size)..((j + 1) * Size)], (x, y) => x * y).Sum();
                Assert.AreEqual(j == k ? 1 : 0, dot, 1e-12);
            }
            for (var i = 0; i < Size; i++)
            {
                // Only the lower triangle counts.
                var product = Enumerable.Range(0, Size).Sum(j => basis.Correlation[Math.Max(i, j) * Size + Math.Min(i, j)] * row[j]);
                Assert.AreEqual(basis.Eigenvalues[k] * row[i], product, 1e-10);
            }
        }
    }

    [TestMethod]
    public void TheScaleOfAChannelDoesNotMatter()
    {
        var series = Series(200, 2, 0);
        var scaled = series.Select((value, i) => i % 2 == 0 ? value : 1000 * value + 3).ToArray();
        var expected = OrthogonalBasis.Compute(series, 2, 200, 8, LagCorrelation.ColumnNormalizedCovariance);
        var actual = OrthogonalBasis.Compute(scaled, 2, 200, 8, LagCorrelation.ColumnNormalizedCovariance);
        for (var i = 0; i < 64; i++)
        {
            Assert.AreEqual(expected.Matrix[i], actual.Matrix[i], 1e-9);
        }
    }

    [TestMethod]
    public void OnlyTheFirstRowsCount()
    {
        var series = Series(200, 2, 0);
        var expected = OrthogonalBasis.Compute(series.AsSpan(0, 300), 2, 150, 8, LagCorrelation.Pearson);
        CollectionAssert.AreEqual(expected.Matrix, OrthogonalBasis.Compute(series, 2, 150, 8, LagCorrelation.Pearson).Matrix);
    }

    [TestMethod]
    public void ConstantAndMissingChannelsAreLeftOut()
    {
        var good = Series(100, 1, 0);
        var series = good.SelectMany(value => new[] { 5, value, double.NaN }).ToArray();
        var basis = OrthogonalBasis.Compute(series, 3, 100, 6, LagCorrelation.ColumnNormalizedCovariance);
        CollectionAssert.AreEqual(new[] { false, true, false }, basis.ChannelKept);
        CollectionAssert.AreEqual(OrthogonalBasis.Compute(good, 1, 100, 6, LagCorrelation.ColumnNormalizedCovariance).Matrix, basis.Matrix);
    }

    [TestMethod]
    public void MissingValuesCountAsZero()
    {
        var series = Series(100, 1, 3);
        series[17] = double.NaN;
        var expected = (double[])series.Clone();
        expected[17] = 0;
        CollectionAssert.AreEqual(
            OrthogonalBasis.Compute(expected, 1, 100, 6, LagCorrelation.Pearson).Matrix,
            OrthogonalBasis.Compute(series, 1, 100, 6, LagCorrelation.Pearson).Matrix);
    }

    [TestMethod]
    public void WithoutAVaryingChannelTheBasisIsTheIdentity()
    {
        foreach (var basis in new[]
        {
            OrthogonalBasis.Compute(new double[40], 2, 20, 4, LagCorrelation.ColumnNormalizedCovariance),
            OrthogonalBasis.Compute(Series(20, 2, 0), 2, 20, 4, LagCorrelation.Identity),
        })
        {
            for (var i = 0; i < 16; i++)
            {
                Assert.AreEqual(i % 5 == 0 ? 1 : 0, basis.Matrix[i]);
            }
        }
    }

    [TestMethod]
    public void TooFewRowsAndInfinityAreRefused()
    {
        var series = Series(20, 1, 0);
        Assert.AreEqual(20, OrthogonalBasis.MinimumRows(19));
        OrthogonalBasis.Compute(series, 1, 20, 19, LagCorrelation.Pearson);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => OrthogonalBasis.Compute(series, 1, 20, 20, LagCorrelation.Pearson));
        series[3] = double.PositiveInfinity;
        Assert.ThrowsExactly<ArgumentException>(() => OrthogonalBasis.Compute(series, 1, 20, 4, LagCorrelation.Pearson));
        Assert.ThrowsExactly<ArgumentException>(() => ChannelCorrelation.Pearson(series, 1, 20));
    }

    [TestMethod]
    public void ChannelCorrelationOfConstantChannels()
    {
        const int Rows = 60;
        var pair = Series(Rows, 2, 0);
        var series = Enumerable.Range(0, Rows).SelectMany(i => new[] { pair[2 * i], 0.1, pair[2 * i + 1] }).ToArray();
        var r = ChannelCorrelation.Pearson(series, 3, Rows);
        double[] x = [.. Enumerable.Range(0, Rows).Select(i => pair[2 * i])], y = [.. Enumerable.Range(0, Rows).Select(i => pair[2 * i + 1])];
        double mx = x.Average(), my = y.Average();
        var expected = x.Zip(y, (u, v) => (u - mx) * (v - my)).Sum() / Math.Sqrt(x.Sum(u => (u - mx) * (u - mx)) * y.Sum(v => (v - my) * (v - my)));
        double[] matrix = [1, 0, expected, 0, 1, 0, expected, 0, 1];
        for (var i = 0; i < 9; i++)
        {
            Assert.AreEqual(matrix[i], r[i], 1e-12);
        }
        var a = ChannelCorrelation.RowSoftmax(r, 3);
        Assert.AreEqual(Math.E / (Math.E + 2), a[4], 1e-12);
        Assert.AreEqual(1, a[0] + a[1] + a[2], 1e-12);
    }

    /// <summary>Autoregressive channels of about unit variance around <paramref name="mean"/>.</summary>
    private static double[] Series(int rows, int channels, double mean)
    {
        var random = new Random(1);
        var series = new double[rows * channels];
        for (var i = 0; i < series.Length; i++)
        {
            series[i] = mean + (i >= channels ? 0.8 * (series[i - channels] - mean) : 0) + 2 * random.NextDouble() - 1;
        }
        return series;
    }
}
