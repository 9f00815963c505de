using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.TimeSeries;

/// <summary>What the imputer promises beyond the conformance suite.</summary>
[TestClass]
public sealed class TimesNetImputingTests
{
    private const int Window = 24;

    private static readonly Lazy<TimesNetImputingTransformer> s_model = new(() => Fit(View(Daily(600))));

    /// <summary>A model that tests share: none of them may dispose it.</summary>
    private static TimesNetImputingTransformer Model => s_model.Value;

    private static TimesNetImputingEstimator.Options Small(Action<TimesNetImputingEstimator.Options>? set = null) => TimesNetReconstructionEntries.Tiny<TimesNetImputingEstimator.Options>(options =>
    {
        options.WindowSize = Window;
        (options.Network.Width, options.Network.NumberOfKernels) = (8, 3);
        options.BatchSize = 32;
        options.MaximumNumberOfEpochs = 3;
        set?.Invoke(options);
    });

    private static TimesNetImputingTransformer Fit(IDataView data, Action<TimesNetImputingEstimator.Options>? set = null, MLContext? ml = null) => (ml ?? new MLContext(1)).Transforms.ImputeByTimesNet(Small(set)).Fit(data);

    /// <summary>Two channels with a cycle of 12 rows, and gaps here and there.</summary>
    private static float[][] Daily(int rows, Func<int, int, bool>? isMissing = null)
        => [.. Enumerable.Range(0, rows).Select(row => new[] { 0, 1 }.Select(channel => (isMissing ?? ((r, c) => (r * 7 + c * 3) % 11 == 0))(row, channel) ? float.NaN : Truth(row, channel)).ToArray())];

    private static float Truth(int row, int channel)
    {
        var angle = MathF.Tau * row / 12;
        return channel == 0 ? MathF.Sin(angle) + 0.5f * MathF.Cos(2 * angle) : 100 + 20 * MathF.Cos(angle + 1);
    }

    private static TestView View(float[][] rows) => new TestView(rows.Length).AddVector("Values", NumberDataViewType.Single, rows[0].Length, row => rows[row], annotations: TestView.SlotNames([.. Enumerable.Range(0, rows[0].Length).Select(c => $"c{c}")]));

    private static float[][] Filled(ITransformer model, IDataView data) => [.. model.Transform(data).GetColumn<float[]>("Values")];

    // ---- What is there stays ----

    [TestMethod]
    public void ObservedValuesStayBitByBit()
    {
        var rows = Daily(100);
        float[] odd = [-0f, float.Epsilon, -float.Epsilon, 1e-40f, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, MathF.PI];
        for (var i = 0; i < odd.Length; i++)
        {
            rows[10 * i + 5][i % 2] = odd[i];
        }
        var filled = Filled(Model, View(rows));
        for (var row = 0; row < rows.Length; row++)
        {
            for (var channel = 0; channel < 2; channel++)
            {
                if (float.IsNaN(rows[row][channel]))
                {
                    Assert.IsTrue(float.IsFinite(filled[row][channel]), $"Row {row}: {filled[row][channel]}");
                }
                else
                {
                    Assert.AreEqual(BitConverter.SingleToInt32Bits(rows[row][channel]), BitConverter.SingleToInt32Bits(filled[row][channel]), $"Row {row}");
                }
            }
        }
    }

    [TestMethod]
    public void DoublesStayBitByBitAndKeepTheirType()
    {
        double[] odd = [-0.0, double.Epsilon, 1e-310, double.MaxValue, double.NegativeInfinity, Math.PI, 1e300];
        var data = new TestView(96).AddVector("Values", NumberDataViewType.Double, 2, row => new[] { row % 5 == 2 ? odd[row % odd.Length] : Truth(row, 0), row % 5 == 1 ? double.NaN : Truth(row, 1) }, annotations: TestView.SlotNames("c0", "c1"));
        var view = Model.Transform(data);
        Assert.AreEqual(data.Schema["Values"].Type, view.Schema["Values"].Type);
        CollectionAssert.AreEqual(new[] { "c0", "c1" }, SlotNames.Of(view.Schema["Values"]));
        foreach (var (before, after) in data.GetColumn<double[]>("Values").Zip(view.GetColumn<double[]>("Values")))
        {
            Assert.AreEqual(BitConverter.DoubleToInt64Bits(before[0]), BitConverter.DoubleToInt64Bits(after[0]));
            Assert.IsTrue(double.IsNaN(before[1]) ? double.IsFinite(after[1]) : before[1] == after[1]);
        }
    }

    [TestMethod]
    public void AnInfiniteValueInformsNothing()
    {
        var (missing, infinite) = (Daily(Window), Daily(Window));
        missing[5][1] = float.NaN;
        infinite[5][1] = float.PositiveInfinity;
        var (a, b) = (Filled(Model, View(missing)), Filled(Model, View(infinite)));
        foreach (var row in Enumerable.Range(0, Window).Where(row => float.IsNaN(infinite[row][0])))
        {
            Assert.AreEqual(a[row][0], b[row][0]);
        }
    }

    // ---- How gaps are filled ----

    [TestMethod]
    public void GapsAreFilledBetterThanByLinesAndMeans()
    {
        // Blocks of 6 rows: half of the cycle.
        static bool IsMissing(int row, int channel) => (row + 8 * channel) % 20 is >= 10 and < 16;
        var rows = Daily(720, IsMissing);
        using var model = Fit(View(rows[..480]), options =>
        {
            options.Network.Width = 16;
            options.MaximumNumberOfEpochs = 8;
            options.LearningRate = 5e-3;
        });
        var test = rows[480..];
        var filled = Filled(model, View(test));
        double[] deviations = [0.79, 14.1];
        var (network, line, mean, count) = (0.0, 0.0, 0.0, 0);
        for (var channel = 0; channel < 2; channel++)
        {
            for (var row = 30; row < test.Length - 30; row++)
            {
                if (float.IsNaN(test[row][channel]))
                {
                    var (before, after) = (row, row);
                    while (float.IsNaN(test[before][channel]))
                    {
                        before--;
                    }
                    while (float.IsNaN(test[after][channel]))
                    {
                        after++;
                    }
                    var interpolated = test[before][channel] + (test[after][channel] - test[before][channel]) * (row - before) / (after - before);
                    double Squared(double value) => Math.Pow((value - Truth(480 + row, channel)) / deviations[channel], 2);
                    network += Squared(filled[row][channel]);
                    line += Squared(interpolated);
                    mean += Squared(channel == 0 ? 0 : 100);
                    count++;
                }
            }
        }
        Assert.IsGreaterThan(100, count);
        Assert.IsLessThan(0.3 * line, network, $"Mean squared errors: {network / count:G3}, by lines {line / count:G3}, by the mean {mean / count:G3}");
        Assert.IsLessThan(0.3 * mean, network);
    }

    [TestMethod]
    public void AWindowIsFilledAloneAsAmongOthers()
    {
        var rows = Daily(100 * Window);
        var all = Filled(Model, View(rows));
        foreach (var window in new[] { 0, 1, 63, 64, 99 })
        {
            AssertClose(all[(window * Window)..((window + 1) * Window)], Filled(Model, View(rows[(window * Window)..((window + 1) * Window)])));
        }
        AssertClose(all[(7 * Window)..(14 * Window)], Filled(Model, View(rows[(7 * Window)..(14 * Window)])));
    }

    [TestMethod]
    public void TheLastWindowIsShiftedBackAndEarlierResultsStay()
    {
        var rows = Daily(2 * Window + 5);
        var filled = Filled(Model, View(rows));
        AssertClose(Filled(Model, View(rows[..(2 * Window)])), filled[..(2 * Window)]);
        AssertClose(Filled(Model, View(rows[^Window..]))[^5..], filled[^5..]);
    }

    [TestMethod]
    public void SeriesMayBeMixed()
    {
        var (a, b) = (Daily(60), Daily(53, (row, channel) => row % 9 == 4));
        using var model = Fit(Stores(a, b), options => options.GroupColumnName = "Store");
        var mixed = model.Transform(Stores(a, b)).GetColumn<float[]>("Values").ToArray();
        var (first, second) = (Of(a, "a"), Of(b, "b"));
        AssertClose(first, [.. mixed.Where((_, i) => IsFirst(i))]);
        AssertClose(second, [.. mixed.Where((_, i) => !IsFirst(i))]);

        float[][] Of(float[][] rows, string name) => [.. model.Transform(View(rows).Add("Store", TextDataViewType.Instance, row => name.AsMemory())).GetColumn<float[]>("Values")];
        bool IsFirst(int i) => i >= 2 * 53 || i % 2 == 0;
        TestView Stores(float[][] x, float[][] y) => new TestView(x.Length + y.Length)
            .AddVector("Values", NumberDataViewType.Single, 2, i => IsFirst(i) ? x[Math.Max(i / 2, i - y.Length)] : y[i / 2])
            .Add("Store", TextDataViewType.Instance, i => (IsFirst(i) ? "a" : "b").AsMemory());
    }

    [TestMethod]
    public void ACausalModelLooksBackOnly()
    {
        var rows = Daily(120);
        using var model = Fit(View(rows), options => options.Causal = true);
        var filled = Filled(model, View(rows));
        // Each row by itself, at the end of its window.
        foreach (var row in new[] { Window - 1, 40, 77, 119 })
        {
            AssertClose([filled[row]], [Filled(model, View(rows[(row - Window + 1)..(row + 1)]))[^1]]);
        }
        Assert.IsTrue(filled[(Window - 1)..].All(row => row.All(float.IsFinite)));
        Assert.IsTrue(filled[..(Window - 1)].Zip(rows).All(pair => pair.First.SequenceEqual(pair.Second)));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void ASeriesShorterThanAWindowKeepsItsGaps(bool causal)
    {
        var ml = new MLContext(1);
        var rows = Daily(Window - 1);
        using var model = Fit(View(Daily(120)), options => options.Causal = causal, ml);
        var warnings = Models.Warnings(ml, () => Assert.IsTrue(Filled(model, View(rows)).Zip(rows).All(pair => pair.First.SequenceEqual(pair.Second))));
        var gaps = rows.Count(row => row.Any(float.IsNaN));
        Must.Contain(warnings.Single(warning => warning.Contains("gaps", StringComparison.Ordinal)), $"{gaps} of {Window - 1} rows", $"{Window} rows");
        // One row, and none.
        Assert.HasCount(1, Filled(model, View([[float.NaN, 1]])));
        Assert.IsEmpty(model.Transform(new TestView(0).AddVector("Values", NumberDataViewType.Single, 2, row => new float[2])).GetColumn<float[]>("Values"));
        // Nothing is missing: nothing to warn of.
        Assert.IsEmpty(Models.Warnings(ml, () => Filled(model, View(Daily(Window - 1, (row, channel) => false)))));
    }

    [TestMethod]
    public void AWindowOfNothingIsFilledNearTheMean()
    {
        var filled = Filled(Model, View(Daily(Window, (row, channel) => true)));
        Assert.IsTrue(filled.All(row => Math.Abs(row[0]) < 0.1 && Math.Abs(row[1] - 100) < 2), string.Join(' ', filled[0]));
        // One channel of it is missing.
        filled = Filled(Model, View(Daily(Window, (row, channel) => channel == 1)));
        Assert.IsTrue(filled.All(row => Math.Abs(row[1] - 100) < 2), string.Join(' ', filled[0]));
    }

    [TestMethod]
    public void AConstantChannelIsFilledFinitely()
    {
        var rows = Daily(120);
        foreach (var row in rows)
        {
            row[1] = float.IsNaN(row[1]) ? float.NaN : 7;
        }
        using var model = Fit(View(rows));
        Assert.IsTrue(Filled(model, View(rows)).All(row => row.All(float.IsFinite) && Math.Abs(row[1] - 7) < 0.5));
    }

    // ---- Training ----

    [TestMethod]
    public void AnInterruptedTrainingEndsAsAnUninterruptedOne()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var data = View(Daily(120));
        using var expected = Fit(data, options => options.MaximumNumberOfEpochs = 4);
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Fit(data, options =>
        {
            (options.MaximumNumberOfEpochs, options.CheckpointPath, options.CancellationToken) = (4, path, source.Token);
            options.Progress = new ImmediateProgress(_ => source.Cancel());
        }));
        Assert.IsTrue(File.Exists(path));
        using var resumed = Fit(data, options => (options.MaximumNumberOfEpochs, options.CheckpointPath) = (4, path));
        Snapshot.AssertEqual(Snapshot.Of(expected.Transform(data)), Snapshot.Of(resumed.Transform(data)), tolerance: 0);
    }

    [TestMethod]
    public void TheNetworkOptionsAreCopied()
    {
        var options = Small();
        var estimator = new MLContext(1).Transforms.ImputeByTimesNet(options);
        options.Network.Width = 7;
        estimator.Fit(View(Daily(60))).Dispose();
    }

    [TestMethod]
    public void AnyMaskRateTrains()
    {
        // With so few values a batch may hide none, or all.
        foreach (var rate in new[] { 1e-6, 0.999999 })
        {
            using var model = Fit(View(Daily(60)), options => (options.MaskRate, options.BatchSize) = (rate, 1));
            Assert.IsTrue(Filled(model, View(Daily(60))).All(row => row.All(float.IsFinite)));
        }
    }

    // ---- What is refused ----

    private static IEnumerable<object[]> WrongOptions => new (Action<TimesNetImputingEstimator.Options> Set, string Name, string Must)[]
    {
        (options => options.InputColumnName = "", "InputColumnName", "empty"), (options => options.OutputColumnName = "", "OutputColumnName", "empty"), (options => options.InputColumnName = null, "InputColumnName", "empty"),
        (options => options.GroupColumnName = "", "GroupColumnName", "empty"), (options => options.TimeColumnName = "", "TimeColumnName", "empty"),
        (options => options.WindowSize = 3, "WindowSize", "at least 4"), (options => options.WindowSize = 0, "WindowSize", "at least 4"), (options => options.WindowStride = 0, "WindowStride", "positive"),
        (options => options.ValidationFraction = 1, "ValidationFraction", "[0, 1)"), (options => options.ValidationFraction = double.NaN, "ValidationFraction", "[0, 1)"), (options => options.Patience = 0, "Patience", "positive"),
        (options => options.MaskRate = 0, "MaskRate", "(0, 1)"), (options => options.MaskRate = 1, "MaskRate", "(0, 1)"), (options => options.MaskRate = double.NaN, "MaskRate", "(0, 1)"),
        (options => options.LearningRateSchedule = (LearningRateSchedule)9, "LearningRateSchedule", "defined"), (options => options.Network.Width = 5, "Width", "even"), (options => options.Network.TopPeriods = 13, "TopPeriods", "24"),
        (options => options.BatchSize = 0, "BatchSize", "positive"), (options => options.LearningRate = double.NaN, "LearningRate", "positive"),
    }.Select(row => new object[] { row.Set, row.Name, row.Must });

    [TestMethod]
    [DynamicData(nameof(WrongOptions))]
    public void AnOptionOutOfItsRangeIsNamed(Action<TimesNetImputingEstimator.Options> set, string name, string must)
    {
        var e = Must.Fail<ArgumentOutOfRangeException>(() => new MLContext(1).Transforms.ImputeByTimesNet(Small(set)));
        Assert.Contains(name, e.ParamName!);
        Assert.Contains(must, e.Message);
    }

    [TestMethod]
    public void ThePlainArgumentsAreCheckedAndMakeTheSameModel()
    {
        var transforms = new MLContext(1).Transforms;
        Assert.Contains("WindowSize", Must.Fail<ArgumentOutOfRangeException>(() => transforms.ImputeByTimesNet("Values", windowSize: 2)).ParamName!);
        Assert.Contains("ColumnName", Must.Fail<ArgumentOutOfRangeException>(() => transforms.ImputeByTimesNet((string)null!)).ParamName!);
        Assert.AreEqual("catalog", Must.Fail<ArgumentNullException>(() => ImputationCatalogExtensions.ImputeByTimesNet(null!, "Values")).ParamName);
        Assert.AreEqual("options", Must.Fail<ArgumentNullException>(() => transforms.ImputeByTimesNet((TimesNetImputingEstimator.Options)null!)).ParamName);
    }

    [TestMethod]
    public void DataThatCannotBeTrainedOnIsRefused()
    {
        var infinite = Daily(60);
        infinite[30][1] = float.NegativeInfinity;
        Refuse(() => Fit(View(infinite)), "'Values'", "row 30", "'c1'", "finite", "NaN");
        Refuse(() => Fit(View(Daily(60, (row, channel) => channel == 1))), "'Values'", "'c1'", "no value");
        Refuse(() => Fit(View(Daily(Window - 1))), "'Values'", $"{Window - 1} rows", $"windowSize = {Window}");
        Refuse(() => Fit(View(Daily(2 * Window - 1))), $"{Window} of them for validation");
        Fit(View(Daily(2 * Window))).Dispose();
        Fit(View(Daily(Window)), options => options.ValidationFraction = 0).Dispose();
        var late = View(Daily(60)).Add("Time", DateTimeDataViewType.Instance, row => new DateTime(2024, 1, 1).AddDays(row == 40 ? 3 : row));
        Refuse(() => Fit(late, options => options.TimeColumnName = "Time"), "'Time'", "row 39", "row 40");
    }

    private static void Refuse(Action action, params string[] parts) => Must.Contain(Must.Fail<InvalidOperationException>(action).Message, parts);

    private static void AssertClose(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var row = 0; row < expected.Length; row++)
        {
            for (var channel = 0; channel < expected[row].Length; channel++)
            {
                Assert.AreEqual(expected[row][channel], actual[row][channel], 1e-5f * Math.Max(1, Math.Abs(expected[row][channel])), $"Row {row}, channel {channel}");
            }
        }
    }
}
