using System.Buffers.Binary;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions.Tests.TimeSeries;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests;

[TestClass]
public sealed class ModelFileTests
{
    private const string Options = ModelWriter.OptionsStream;
    private const string Keys = ModelWriter.KeysStream;
    private const string Weights = ModelWriter.WeightsStream;
    private const string Header = "Model.key";

    private static readonly Lazy<(byte[] File, TestView Data, Snapshot Scores)> s_linear = new(() => Make(LinearView(40), ml => new LinearMapEstimator(ml, groupColumnName: "Group")));
    private static readonly Lazy<(byte[] File, TestView Data, Snapshot Scores)> s_forecaster = new(() => Make(SeriesView(80), ml => ml.Forecasting.ForecastByOLinear(
        new OLinearEstimator.Options { InputColumnName = "Values", WindowSize = 8, Horizon = 3, Width = 4, EmbeddingSize = 2, NumberOfLayers = 1, MaximumNumberOfEpochs = 1, Seed = 1, NumberOfThreads = 1 })));

    private static readonly Lazy<(byte[] File, TestView Data, Snapshot Scores)> s_detector = new(() => Make(SeriesView(80), ml => ml.AnomalyDetection.Trainers.TimesNet(
        TimesNetReconstructionEntries.Tiny<TimesNetAnomalyDetectionTrainer.Options>(options => (options.ExpectedColumnName, options.Network.InferencePeriods) = ("Expected", PeriodSelection.Frozen)))));

    private static TestView LinearView(int rows) => new TestView(rows).AddVector("Features", NumberDataViewType.Single, 2, row => new float[] { row, row % 3 })
        .Add("Group", new KeyDataViewType(typeof(uint), 2), row => (uint)(row % 3), TestView.KeyValues("ä", "b"));

    private static TestView SeriesView(int rows) => new TestView(rows).AddVector("Values", NumberDataViewType.Single, 2, row => new float[] { MathF.Sin(row), MathF.Cos(row / 2f) });

    private static (byte[], TestView, Snapshot) Make(TestView data, Func<MLContext, IEstimator<ITransformer>> create)
    {
        var ml = new MLContext(1);
        var model = create(ml).Fit(data);
        return (Models.Save(ml, model, data.Schema), data, Snapshot.Of(model.Transform(data)));
    }

    private static ModelZip Linear() => new(s_linear.Value.File);

    private static ModelZip Forecaster() => new(s_forecaster.Value.File);

    // ---- What is in the file ----

    [TestMethod]
    public void TheOptionsAreReadableByAPerson()
    {
        var text = Linear().Options;
        Must.Contain(text, "\"FeatureColumnName\": \"Features\"", "\"GroupColumnName\": \"Group\"", "\n");
        using var json = JsonDocument.Parse(Forecaster().Options);
        Assert.AreEqual(8, json.RootElement.GetProperty("Forecasting").GetProperty("WindowSize").GetInt32());
        Assert.AreEqual("Gelu", json.RootElement.GetProperty("Network").GetProperty("Activation").GetString());
    }

    [TestMethod]
    public void TheWeightsAreASafetensorsFileAndTheKeysAreValues()
    {
        var weights = SafetensorsReader.Parse(Linear()[Weights]);
        CollectionAssert.AreEqual(new[] { "weights" }, weights.Names.ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 2f }, weights.ToArray<float>("weights"));
        using var keys = JsonDocument.Parse(Linear()[Keys]);
        CollectionAssert.AreEqual(new[] { "ä", "b" }, keys.RootElement.GetProperty("group").GetProperty("Values").EnumerateArray().Select(value => value.GetString()).ToArray());
        Assert.AreEqual("String", keys.RootElement.GetProperty("group").GetProperty("Type").GetString());
    }

    [TestMethod]
    public void TheHeaderNamesVersionAssemblyAndStreams()
    {
        var header = Linear()[Header];
        Assert.AreEqual("LINMAP\0\0", Encoding.Latin1.GetString(header, 0x40, 8));
        Assert.AreEqual(0x00010001u, BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(0x48)));
        Assert.AreEqual(0x00010001u, BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(0x4C)));
        Assert.Contains(typeof(LinearMapTransformer).Assembly.FullName!, Encoding.Latin1.GetString(header).Replace("\0", "", StringComparison.Ordinal));
        Assert.AreEqual(3, BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(Linear().HeaderStart)));
        foreach (var name in new[] { Options, Keys, Weights })
        {
            Assert.AreEqual(Linear()[name].Length, BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(Linear().FieldsOf(name))));
        }
    }

    [TestMethod]
    public void AModelIsNotSavedToABareStream()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        var model = new LinearMapEstimator(new MLContext(1)).Fit(LinearView(9));
        using var context = new ModelSaveContext(writer);
        Must.Fail<InvalidOperationException>(() => ((ICanSaveModel)model).Save(context));
    }

    [TestMethod]
    public void AnUntouchedCopyLoads()
    {
        AssertScoresAlike(Linear(), s_linear.Value);
        AssertScoresAlike(Forecaster(), s_forecaster.Value);
        var rewritten = Linear();
        rewritten.Options = rewritten.Options + " ";
        AssertScoresAlike(rewritten, s_linear.Value);
    }

    // ---- Damage that the hashes show ----

    [TestMethod]
    [DataRow(Options)]
    [DataRow(Keys)]
    [DataRow(Weights)]
    public void AFlippedBitIsFound(string name)
    {
        var zip = Linear();
        zip[name][zip[name].Length / 2] ^= 1;
        AssertRefused(zip, name, "SHA-256");
    }

    [TestMethod]
    [DataRow(Options)]
    [DataRow(Keys)]
    [DataRow(Weights)]
    public void AMissingStreamIsFound(string name)
    {
        var zip = Linear();
        zip.Entries.Remove(zip.Path(name));
        AssertRefused(zip, name, "missing");
    }

    [TestMethod]
    [DataRow(Options)]
    [DataRow(Weights)]
    public void ATruncatedOrExtendedStreamIsFound(string name)
    {
        var zip = Linear();
        zip[name] = zip[name][..^1];
        AssertRefused(zip, name, "bytes");
        zip[name] = [];
        AssertRefused(zip, name, "bytes");
        zip[name] = [.. Linear()[name], 0];
        AssertRefused(zip, name, "bytes");
    }

    [TestMethod]
    public void SwappedStreamsAreFound()
    {
        var zip = Linear();
        (zip[Options], zip[Keys]) = (zip[Keys], zip[Options]);
        AssertRefused(zip, Options);
        // As long as the hashes are right, the content is looked at.
        zip = Linear();
        var (options, keys) = (zip[Options], zip[Keys]);
        zip.Replace(Options, keys);
        zip.Replace(Keys, options);
        AssertRefused(zip);
    }

    // ---- Damage of the header ----

    [TestMethod]
    [DataRow(-1)]
    [DataRow(17)]
    [DataRow(int.MaxValue)]
    [DataRow(int.MinValue)]
    public void AWrongNumberOfStreamsIsRefused(int count)
    {
        var zip = Linear();
        BinaryPrimitives.WriteInt32LittleEndian(zip[Header].AsSpan(zip.HeaderStart), count);
        AssertRefused(zip, "streams");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(4)]
    public void TooFewOrTooManyStreamsAreRefused(int count)
    {
        var zip = Linear();
        BinaryPrimitives.WriteInt32LittleEndian(zip[Header].AsSpan(zip.HeaderStart), count);
        AssertRefused(zip);
    }

    [TestMethod]
    [DataRow(-1L)]
    [DataRow(long.MinValue)]
    [DataRow(long.MaxValue)]
    [DataRow((long)int.MaxValue)]
    [DataRow(0L)]
    public void AWrongLengthIsRefused(long length)
    {
        foreach (var name in new[] { Options, Keys, Weights })
        {
            var zip = Linear();
            BinaryPrimitives.WriteInt64LittleEndian(zip[Header].AsSpan(zip.FieldsOf(name)), length);
            AssertRefused(zip);
        }
    }

    [TestMethod]
    public void AStreamNamedTwiceIsRefused()
    {
        var zip = Linear();
        var header = Encoding.Latin1.GetString(zip[Header]).Replace("\tkeys.json", "\u000Coptions.json", StringComparison.Ordinal);
        zip[Header] = Encoding.Latin1.GetBytes(header);
        AssertRefused(zip);
    }

    [TestMethod]
    public void AHeaderThatBreaksOffIsRefused()
    {
        var zip = Linear();
        foreach (var length in new[] { 0, 10, zip.HeaderStart, zip.HeaderStart + 5, zip.HeaderStart + 60, Linear()[Header].Length - 1 })
        {
            zip[Header] = Linear()[Header][..length];
            Assert.IsInstanceOfType<FormatException>(Must.Innermost(Load(zip)));
        }
    }

    [TestMethod]
    public void ANewerVersionIsRefusedWithTheMessageOfMLNet()
    {
        foreach (var zip in new[] { Linear(), Forecaster() })
        {
            BinaryPrimitives.WriteUInt32LittleEndian(zip[Header].AsSpan(0x48), 0x00010063);
            BinaryPrimitives.WriteUInt32LittleEndian(zip[Header].AsSpan(0x4C), 0x00010063);
            AssertRefused(zip, "too new", zip.Folder == Linear().Folder ? "" : "OLinear");
        }
    }

    [TestMethod]
    public void ATooOldVersionIsRefusedWithTheMessageOfMLNet()
    {
        var zip = Linear();
        BinaryPrimitives.WriteUInt32LittleEndian(zip[Header].AsSpan(0x48), 0x00010000);
        BinaryPrimitives.WriteUInt32LittleEndian(zip[Header].AsSpan(0x4C), 0x00010000);
        AssertRefused(zip, "too old");
    }

    [TestMethod]
    public void AForeignFileIsRefused()
    {
        foreach (var bytes in new[] { [], "no model"u8.ToArray(), s_linear.Value.File[..200], s_linear.Value.File[..^30] })
        {
            var e = Must.Catch(() => Models.Load(bytes));
            Assert.IsNotInstanceOfType<TargetInvocationException>(e);
            Assert.IsTrue(e is InvalidOperationException or FormatException, e.ToString());
        }
        // The header of one kind with the content of another.
        var zip = Linear();
        foreach (var name in new[] { Options, Weights })
        {
            zip.Replace(name, Forecaster()[name]);
        }
        AssertRefused(zip);
    }

    // ---- Content that does not fit, with hashes that do ----

    [TestMethod]
    [DataRow("")]
    [DataRow("{")]
    [DataRow("null")]
    [DataRow("[]")]
    [DataRow("\"text\"")]
    [DataRow("{\"FeatureColumnName\": 3, \"GroupColumnName\": null, \"Means\": [1, 2]}")]
    [DataRow("{\"FeatureColumnName\": null, \"GroupColumnName\": null, \"Means\": [1, 2]}")]
    [DataRow("{\"GroupColumnName\": null, \"Means\": [1, 2]}")]
    [DataRow("{\"FeatureColumnName\": \"Features\", \"GroupColumnName\": null, \"Means\": null}")]
    [DataRow("{\"FeatureColumnName\": \"Features\", \"GroupColumnName\": null, \"Means\": [1, 2], \"More\": 1}")]
    [DataRow("{\"FeatureColumnName\": \"Features\", \"GroupColumnName\": null, \"Means\": [1, 2, 3]}")]
    [DataRow("{\"FeatureColumnName\": \"Features\", \"GroupColumnName\": null, \"Means\": []}")]
    [DataRow("{\"FeatureColumnName\": \"Features\", \"GroupColumnName\": null, \"Means\": [\"x\", 2]}")]
    public void OptionsThatDoNotFitAreRefused(string options)
    {
        var zip = Linear();
        zip.Options = options;
        AssertRefused(zip);
    }

    [TestMethod]
    [DataRow("{}")]
    [DataRow("{\"group\": null}")]
    [DataRow("{\"group\": {\"Count\": 2, \"Type\": \"String\", \"Values\": [\"a\"]}}")]
    [DataRow("{\"group\": {\"Count\": 2, \"Type\": \"String\", \"Values\": null}}")]
    [DataRow("{\"group\": {\"Count\": 2, \"Type\": null, \"Values\": [\"a\", \"b\"]}}")]
    [DataRow("{\"group\": {\"Count\": 2, \"Type\": \"String\", \"Values\": [\"a\", null]}}")]
    [DataRow("{\"group\": {\"Count\": 2, \"Type\": \"Guid\", \"Values\": [\"a\", \"b\"]}}")]
    [DataRow("{\"group\": {\"Count\": 2, \"Type\": \"Int32\", \"Values\": [\"1\", \"b\"]}}")]
    [DataRow("{\"group\": {\"Count\": -2, \"Type\": null, \"Values\": null}}")]
    public void KeysThatDoNotFitAreRefused(string keys)
    {
        var zip = Linear();
        zip.Replace(Keys, Encoding.UTF8.GetBytes(keys));
        AssertRefused(zip);
    }

    [TestMethod]
    public void WeightsThatDoNotFitAreRefused()
    {
        using var scope = NewDisposeScope();
        var good = tensor(new float[] { 1, 2 });
        foreach (var tensors in new Dictionary<string, Tensor>[]
        {
            [],
            new() { ["other"] = good },
            new() { ["weights"] = good, ["more"] = good },
            new() { ["weights"] = tensor(new float[] { 1, 2, 3 }) },
            new() { ["weights"] = good.view(1, 2) },
            new() { ["weights"] = good.to(ScalarType.Float64) },
            new() { ["weights"] = good.to(ScalarType.Int64) },
        })
        {
            var zip = Linear();
            zip.Replace(Weights, Bytes(tensors));
            Tensors.AssertNoneLeft(() => AssertRefused(zip));
        }
        foreach (var bytes in new byte[][] { [], new byte[7], [.. new byte[8], 1], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, (byte)'{'], "no weights at all"u8.ToArray() })
        {
            var zip = Linear();
            zip.Replace(Weights, bytes);
            AssertRefused(zip);
        }
    }

    [TestMethod]
    public void WeightsOfAForecasterThatDoNotFitAreRefused()
    {
        Tensors.Settle();
        using var scope = NewDisposeScope();
        var good = SafetensorsReader.Parse(Forecaster()[Weights]).ToTensors();
        foreach (var name in good.Keys)
        {
            foreach (var change in new Func<Tensor, Tensor?>[] { _ => null, x => x.to(x.dtype == ScalarType.Float32 ? ScalarType.Float64 : ScalarType.Float32), x => x.unsqueeze(0), x => cat([x, x], 0) })
            {
                var zip = Forecaster();
                var tensors = new Dictionary<string, Tensor>(good);
                if (change(good[name]) is { } changed)
                {
                    tensors[name] = changed;
                }
                else
                {
                    tensors.Remove(name);
                }
                zip.Replace(Weights, Bytes(tensors));
                Tensors.AssertNoneLeftUnsettled(() => AssertRefused(zip));
            }
        }
        var more = Forecaster();
        more.Replace(Weights, Bytes(new(good) { ["more"] = good.Values.First() }));
        AssertRefused(more);
        var renamed = new Dictionary<string, Tensor>(good);
        renamed.Remove("delta1", out var delta);
        renamed.Add("delta3", delta!);
        more.Replace(Weights, Bytes(renamed));
        AssertRefused(more, "delta1");
    }

    [TestMethod]
    [DataRow(double.NaN)]
    [DataRow(double.PositiveInfinity)]
    [DataRow(double.NegativeInfinity)]
    public void WeightsThatAreNoNumbersAreRefused(double value)
    {
        using var scope = NewDisposeScope();
        var good = SafetensorsReader.Parse(Forecaster()[Weights]).ToTensors();
        foreach (var name in good.Keys.Where(name => good[name].is_floating_point()))
        {
            var spoilt = good[name].clone();
            spoilt.view(-1).narrow(0, good[name].NumberOfElements - 1, 1).fill_(value);
            var zip = Forecaster();
            zip.Replace(Weights, Bytes(new(good) { [name] = spoilt }));
            if (name == "history")
            {
                // Rows that an engine took: it may have met missing ones.
                (Models.Load(zip.ToArray()) as IDisposable)!.Dispose();
                continue;
            }
            AssertRefused(zip, name, "not finite");
        }
    }

    [TestMethod]
    [DataRow("\"WindowSize\": 8", "\"WindowSize\": 9")]
    [DataRow("\"WindowSize\": 8", "\"WindowSize\": 0")]
    [DataRow("\"WindowSize\": 8", "\"WindowSize\": -8")]
    [DataRow("\"WindowSize\": 8", "\"WindowSize\": 2147483647")]
    [DataRow("\"WindowSize\": 8", "\"WindowSize\": 99999999999")]
    [DataRow("\"WindowSize\": 8", "\"WindowSize\": 8.5")]
    [DataRow("\"Horizon\": 3", "\"Horizon\": 4")]
    [DataRow("\"Horizon\": 3", "\"Horizon\": 0")]
    [DataRow("\"Width\": 4", "\"Width\": 1048576")]
    [DataRow("\"Width\": 4", "\"Width\": 0")]
    [DataRow("\"HiddenWidth\": 4", "\"HiddenWidth\": 5")]
    [DataRow("\"EmbeddingSize\": 2", "\"EmbeddingSize\": 3")]
    [DataRow("\"EmbeddingSize\": 2", "\"EmbeddingSize\": -2")]
    [DataRow("\"Layers\": 1", "\"Layers\": 0")]
    [DataRow("\"Layers\": 1", "\"Layers\": 2")]
    [DataRow("\"Layers\": 1", "\"Layers\": 1000000")]
    [DataRow("\"Dropout\": 0.1", "\"Dropout\": 1.5")]
    [DataRow("\"Dropout\": 0.1", "\"Dropout\": \"NaN\"")]
    [DataRow("\"Channels\": 2", "\"Channels\": 3")]
    [DataRow("\"Channels\": 2", "\"Channels\": -1")]
    [DataRow("\"Activation\": \"Gelu\"", "\"Activation\": \"Tanh\"")]
    [DataRow("\"Activation\": \"Gelu\"", "\"Activation\": 7")]
    [DataRow("\"HeadActivation\": \"Gelu\"", "\"HeadActivation\": -1")]
    [DataRow("\"Mixing\": \"Learned\"", "\"Mixing\": \"FixedCorrelation\"")]
    [DataRow("\"Mixing\": \"Learned\"", "\"Mixing\": 7")]
    [DataRow("\"InputColumnName\": \"Values\"", "\"InputColumnName\": \"\"")]
    [DataRow("\"InputColumnName\": \"Values\"", "\"InputColumnName\": null")]
    [DataRow("\"OutputColumnName\": \"Forecast\"", "\"OutputColumnName\": \"\"")]
    [DataRow("\"TargetChannels\": [", "\"TargetChannels\": [ 0,")]
    [DataRow("\"Values0\"", "null")]
    [DataRow("\"Values0\",", "")]
    [DataRow("\"Means\": [", "\"Means\": [ 1,")]
    [DataRow("\"Means\": [", "\"Means\": [ \"NaN\",")]
    [DataRow("\"Deviations\": [", "\"Deviations\": [ 0,")]
    public void OptionsOfAForecasterThatDoNotFitAreRefused(string from, string to)
    {
        var zip = Forecaster();
        Assert.Contains(from, zip.Options);
        zip.Options = zip.Options.Replace(from, to, StringComparison.Ordinal);
        Tensors.AssertNoneLeft(() => AssertRefused(zip));
    }

    [TestMethod]
    [DataRow("\"Threshold\": ", "\"Threshold\": -")]
    [DataRow("\"ExpectedColumnName\": \"Expected\"", "\"ExpectedColumnName\": \"\"")]
    [DataRow("\"InputColumnName\": \"Values\"", "\"InputColumnName\": \"\"")]
    [DataRow("\"GroupColumnName\": null", "\"GroupColumnName\": \"\"")]
    [DataRow("\"HasGroupScales\": false", "\"HasGroupScales\": true")]
    [DataRow("\"WindowSize\": 8,\n    \"Causal\"", "\"WindowSize\": 9,\n    \"Causal\"")]
    [DataRow("\"Values0\",", "")]
    [DataRow("\"Values0\"", "null")]
    [DataRow("\"Means\": [", "\"Means\": [ 1,")]
    [DataRow("\"Channels\": 2", "\"Channels\": 3")]
    [DataRow("\"Horizon\": 0", "\"Horizon\": 1")]
    [DataRow("\"Classes\": 0", "\"Classes\": 2")]
    [DataRow("\"Marks\": 0", "\"Marks\": 4")]
    [DataRow("\"Periods\": \"Frozen\"", "\"Periods\": \"Other\"")]
    public void OptionsOfAnAnomalyDetectorThatDoNotFitAreRefused(string from, string to)
    {
        var zip = new ModelZip(s_detector.Value.File);
        from = from.Replace("\n", Environment.NewLine, StringComparison.Ordinal);
        Assert.Contains(from, zip.Options);
        zip.Options = zip.Options.Replace(from, to.Replace("\n", Environment.NewLine, StringComparison.Ordinal), StringComparison.Ordinal);
        Tensors.AssertNoneLeft(() => AssertRefused(zip));
    }

    [TestMethod]
    [DataRow("\"Deviations\"", "0")]
    [DataRow("\"Deviations\"", "-1")]
    [DataRow("\"Deviations\"", "\"Infinity\"")]
    [DataRow("\"Means\"", "\"NaN\"")]
    public void AScaleThatIsNoneIsRefused(string list, string value)
    {
        var zip = Forecaster();
        var start = zip.Options.IndexOf('[', zip.Options.IndexOf(list, StringComparison.Ordinal)) + 1;
        var end = zip.Options.IndexOf(',', start);
        zip.Options = zip.Options[..start] + value + zip.Options[end..];
        AssertRefused(zip);
    }

    [TestMethod]
    public void OutputsOfATorchScriptModelOfOneNameAreRefused()
    {
        var zip = new ModelZip(Faults.FaultModel.Of(ConformanceEntries.Find("TorchScript")).File);
        Assert.Contains("\"Second\"", zip.Options);
        zip.Options = zip.Options.Replace("\"Second\"", "\"First\"", StringComparison.Ordinal);
        AssertRefused(zip, "TorchScript");
    }

    private static byte[] Bytes(Dictionary<string, Tensor> tensors)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, [.. tensors.Select(pair => KeyValuePair.Create(pair.Key, pair.Value.contiguous()))]);
        return stream.ToArray();
    }

    private static Exception Load(ModelZip zip) => Must.Catch(() => Models.Load(zip.ToArray()));

    private static void AssertRefused(ModelZip zip, params string[] parts)
    {
        var e = Load(zip);
        AssertMarked(e, "Refusal");
        Must.Contain(Must.Innermost(e).Message, parts);
    }

    private static void AssertMarked(Exception e, string what)
    {
        Assert.IsNotInstanceOfType<TargetInvocationException>(e, $"{what}: {e}");
        var innermost = Must.Innermost(e);
        Assert.IsTrue(innermost is FormatException or InvalidOperationException, $"{what}: {e}");
        Assert.IsTrue(innermost.IsMarked(), $"{what}, not marked: {e}");
    }

    private static void AssertScoresAlike(ModelZip zip, (byte[] File, TestView Data, Snapshot Scores) original)
    {
        var model = Models.Load(zip.ToArray());
        Snapshot.AssertEqual(original.Scores, Snapshot.Of(model.Transform(original.Data)), tolerance: 0);
        (model as IDisposable)?.Dispose();
    }
}
