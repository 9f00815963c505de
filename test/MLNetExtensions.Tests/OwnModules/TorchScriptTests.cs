using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Torch;
using TorchSharp;
using static MLNetExtensions.Tests.OwnModules.Rows;

namespace MLNetExtensions.Tests.OwnModules;

[TestClass]
public sealed class TorchScriptTests
{
    private const string Self = "def forward(self: __torch__.Net, ";

    private static readonly List<string> s_files = [];

    private sealed class Row
    {
        [VectorType(3)]
        public float[] X { get; set; } = [];

        [VectorType(3)]
        public double[] Y { get; set; } = [];

        public float S { get; set; }

        public double D { get; set; }

        public string Text { get; set; } = "";
    }

    private sealed class Result
    {
        public float[] Out { get; set; } = [];
    }

    private static Row[] Data(int count) => [.. Enumerable.Range(0, count).Select(i => new Row { X = [i, i % 5, 1], Y = [i * 0.5, 2, -i], S = i % 7, D = i % 3, Text = "a" })];

    private static IDataView View(MLContext ml, int count = 300) => ml.Data.LoadFromEnumerable(Data(count));

    private static byte[] Linear => TorchScriptFile.Create($"{Self}x: Tensor) -> Tensor:\n  return torch.linear(x, self.weight, self.bias)", ("weight", [2, 3], [1, 2, 3, 4, 5, 6]), ("bias", [2], [10, 20]));

    /// <summary>The same program as libtorch itself writes it.</summary>
    private static byte[] Saved(byte[] script)
    {
        var path = Path.GetTempFileName();
        using (var module = torch.jit.load(script, torch.CPU))
        {
            torch.jit.save(module, path);
        }
        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }

    private static string Write(byte[] file)
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, file);
        s_files.Add(path);
        return path;
    }

    private static TorchScriptTransformer Fit(MLContext ml, string method, string[] outputs, string[] inputs, Action<TorchScriptEstimator.Options>? change = null)
    {
        var options = new TorchScriptEstimator.Options { ModelFile = Write(TorchScriptFile.Create(method)), OutputColumnNames = outputs, InputColumnNames = inputs };
        change?.Invoke(options);
        return ml.Transforms.ApplyTorchScriptModel(options).Fit(View(ml));
    }

    [ClassCleanup]
    public static void DeleteFiles() => s_files.ForEach(File.Delete);

    [TestMethod]
    public void ScoresAndTravelsInTheModelFile()
    {
        var ml = new MLContext(1);
        var view = View(ml);
        foreach (var file in new[] { Linear, Saved(Linear) })
        {
            var path = Write(file);
            using var model = ml.Transforms.ApplyTorchScriptModel(path, ["Out"], ["X"]).Fit(view);
            File.Delete(path);
            var scores = model.Transform(view).GetColumn<float[]>("Out").ToArray();
            for (var i = 0; i < scores.Length; i++)
            {
                CollectionAssert.AreEqual(new[] { i + 2f * (i % 5) + 3 + 10, 4f * i + 5 * (i % 5) + 6 + 20 }, scores[i]);
            }
            using var loaded = (IDisposable)Reload(ml, model, view.Schema);
            CollectionAssert.AreEqual(Flat(model.Transform(view), "Out"), Flat(((ITransformer)loaded).Transform(view), "Out"));
            using var again = (IDisposable)Reload(ml, (ITransformer)loaded);
            CollectionAssert.AreEqual(Flat(model.Transform(view), "Out"), Flat(((ITransformer)again).Transform(view), "Out"));
            using var engine = ml.Model.CreatePredictionEngine<Row, Result>(model, new PredictionEngineOptions { OwnsTransformer = false });
            foreach (var (row, score) in Data(300).Zip(scores))
            {
                CollectionAssert.AreEqual(score, engine.Predict(row).Out);
            }
            Parallel.For(0, 8, _ => CollectionAssert.AreEqual(Flat(model.Transform(view), "Out"), scores.SelectMany(row => row).ToArray()));
        }
    }

    [TestMethod]
    public void SeveralInputsAndOutputs()
    {
        var ml = new MLContext(1);
        var view = View(ml);
        foreach (var (type, open, close) in new[] { ("Tuple[Tensor, Tensor, Tensor]", "(", ")"), ("List[Tensor]", "[", "]") })
        {
            using var model = Fit(ml, $"{Self}x: Tensor, y: Tensor, s: Tensor, d: Tensor) -> {type}:\n  return {open}torch.add(x, y), torch.mul(s, d), torch.sum(x, [1]){close}", ["Sum", "Product", "Total"], ["X", "Y", "S", "D"],
                options =>
                {
                    options.InputShapes = [null, null, [], []];
                    options.OutputShapes = [null, [], []];
                });
            var scored = model.Transform(view);
            Assert.AreEqual("Vector<Single, 3>", scored.Schema["Sum"].Type.ToString());
            Assert.AreEqual("Single", scored.Schema["Product"].Type.ToString());
            var sums = scored.GetColumn<float[]>("Sum").ToArray();
            var products = scored.GetColumn<float>("Product").ToArray();
            var totals = scored.GetColumn<float>("Total").ToArray();
            foreach (var (row, i) in Data(300).Select((row, i) => (row, i)))
            {
                CollectionAssert.AreEqual(row.X.Zip(row.Y, (x, y) => x + (float)y).ToArray(), sums[i]);
                Assert.AreEqual(row.S * (float)row.D, products[i]);
                Assert.AreEqual(row.X.Sum(), totals[i]);
            }
            using var loaded = (IDisposable)Reload(ml, model, view.Schema);
            Assert.AreEqual("Single", ((ITransformer)loaded).GetOutputSchema(view.Schema)["Total"].Type.ToString());
        }
    }

    [TestMethod]
    public void ShapesAreInferredOrChecked()
    {
        var ml = new MLContext(1);
        var view = View(ml);
        string Type(TorchScriptTransformer model)
        {
            using (model)
            {
                return model.GetOutputSchema(view.Schema)["Out"].Type.ToString()!;
            }
        }
        Assert.AreEqual("Vector<Single, 3, 1>", Type(Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return torch.unsqueeze(x, 2)", ["Out"], ["X"])));
        Assert.AreEqual("Vector<Single, 1>", Type(Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return torch.sum(x, [1])", ["Out"], ["X"])));
        Assert.AreEqual("Vector<Single, 1, 3>", Type(Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return x", ["Out"], ["X"], o => o.InputShapes = [[1, 3]])));
        Assert.AreEqual("Vector<Single, 1>", Type(Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return torch.argmax(x, 1)", ["Out"], ["X"])));
        Assert.AreEqual("Single", Type(Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return torch.gt(x, 2)", ["Out"], ["S"], o => o.OutputShapes = [[]])));
        Throws<ArgumentOutOfRangeException>(() => Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return x", ["Out"], ["X"], o => o.InputShapes = [[2, 2]]), "input", "'X'", "Vector<Single, 3>");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return x", ["Out"], ["X"], o => o.OutputShapes = [[]]), "'Out'", "[batch, 3]", "expected [batch]");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return torch.sum(x)", ["Out"], ["X"]), "the first dimension", "2");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return torch.transpose(x, 0, 1)", ["Out"], ["X"]), "[3, 2]");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return x", ["Out", "More"], ["X"]), "returned 1 tensors; 2 output columns");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return x", ["Out"], ["X", "Y"]), "failed on inputs of the shapes [2, 3], [2, 3]", "forward");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> float:\n  return 1.5", ["Out"], ["X"]), "returned Scalar");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> Dict[str, Tensor]:\n  return {{\"a\": x}}", ["Out"], ["X"]), "a tuple or list");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> None:\n  return None", ["Out"], ["X"]), "returned None");
        Throws<InvalidOperationException>(() => Fit(ml, "def other(self: __torch__.Net, x: Tensor) -> Tensor:\n  return x", ["Out"], ["X"]), "forward");
        Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return torch.matmul(x, x)", ["Out"], ["X"]), "failed on inputs");
    }

    [TestMethod]
    public void AModelWhoseOutputChangesIsStopped()
    {
        var ml = new MLContext(1);
        // More columns once the numbers are large: the zeros of the first run do not show it.
        using var model = Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  _0 = bool(torch.gt(torch.max(x), 250))\n  if _0:\n    y = torch.cat([x, x], 1)\n  else:\n    y = x\n  return y", ["Out"], ["X"]);
        Assert.HasCount(200, model.Transform(View(ml, 200)).GetColumn<float[]>("Out").ToArray());
        Throws<InvalidOperationException>(() => model.Transform(View(ml)).GetColumn<float[]>("Out").ToArray(), "'Out'", "expected 3 values");
    }

    [TestMethod]
    public void BadArgumentsAreNamed()
    {
        var ml = new MLContext(1);
        var path = Write(Linear);
        Assert.ThrowsExactly<ArgumentNullException>(() => ml.Transforms.ApplyTorchScriptModel(null!, ["Out"], ["X"]));
        Assert.ThrowsExactly<ArgumentNullException>(() => ml.Transforms.ApplyTorchScriptModel(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => ((TransformsCatalog)null!).ApplyTorchScriptModel(path, ["Out"], ["X"]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ApplyTorchScriptModel("", ["Out"], ["X"]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ApplyTorchScriptModel(path, [], ["X"]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ApplyTorchScriptModel(path, ["Out", "Out"], ["X"]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ApplyTorchScriptModel(path, ["Out"], [""]));
        Assert.AreEqual("options.InputShapes", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ApplyTorchScriptModel(new TorchScriptEstimator.Options { ModelFile = path, OutputColumnNames = ["Out"], InputColumnNames = ["X"], InputShapes = [[1], [2]] })).ParamName);
        Assert.AreEqual("options.OutputShapes", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.ApplyTorchScriptModel(new TorchScriptEstimator.Options { ModelFile = path, OutputColumnNames = ["Out"], InputColumnNames = ["X"], OutputShapes = [[0]] })).ParamName);
        Assert.ThrowsExactly<FileNotFoundException>(() => ml.Transforms.ApplyTorchScriptModel(path + ".none", ["Out"], ["X"]));
        Throws<ArgumentOutOfRangeException>(() => ml.Transforms.ApplyTorchScriptModel(path, ["Out"], ["Text"]).Fit(View(ml)), "input", "'Text'", "String");
        Throws<ArgumentOutOfRangeException>(() => ml.Transforms.ApplyTorchScriptModel(path, ["Out"], ["Z"]).Fit(View(ml)), "input", "'Z'");
        using var model = ml.Transforms.ApplyTorchScriptModel(path, ["Out"], ["X"]).Fit(View(ml));
        Throws<ArgumentOutOfRangeException>(() => model.Transform(ml.Transforms.CopyColumns("X", "S").Fit(View(ml)).Transform(View(ml))), "'X'", "Vector<Single, 3>", "Single");
        model.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Transform(View(ml)));
    }

    [TestMethod]
    public void OtherFilesAreRefused()
    {
        var ml = new MLContext(1);
        void Bad(byte[] file, string message) => Throws<FormatException>(() => ml.Transforms.ApplyTorchScriptModel(Write(file), ["Out"], ["X"]), message);
        Bad([], "no zip archive");
        Bad([1, 2, 3], "no zip archive");
        Bad(new byte[5000], "no zip archive");
        Bad(Linear[..^1], "no zip archive");
        Bad(Linear[1..], "damaged");
        using (var stream = new MemoryStream())
        {
            using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            {
                using var entry = zip.CreateEntry("net/data.pkl").Open();
                entry.Write([1]);
            }
            Bad(stream.ToArray(), "torch.jit.save");
        }
        // An operator that libtorch lacks would end the process.
        Bad(TorchScriptFile.Create($"{Self}x: Tensor) -> Tensor:\n  return ops.torchvision.nms(x, x, 0.5)"), "torchvision::nms");
        // A program with sound checksums that is none.
        Throws<FormatException>(() => ml.Transforms.ApplyTorchScriptModel(Write(TorchScriptFile.Create("def forward(")), ["Out"], ["X"]).Fit(View(ml)), "libtorch cannot load it");
    }

    [TestMethod]
    public void AFlippedByteNeverReachesLibtorch()
    {
        foreach (var (file, harmless) in new[] { (Saved(Linear), 0.05), (Linear, 0.1) })
        {
            TorchScriptArchive.Check(file);
            var random = new Random(1);
            var accepted = 0;
            // Every byte of the sound file once, besides the random ones.
            for (var i = 0; i < file.Length + 500; i++)
            {
                var damaged = file.ToArray();
                damaged[i < file.Length ? i : random.Next(file.Length)] ^= (byte)random.Next(1, 256);
                try
                {
                    TorchScriptArchive.Check(damaged);
                }
                catch (FormatException)
                {
                    continue;
                }
                // Attributes that nobody reads: the content is the same.
                accepted++;
                CollectionAssert.AreEqual(Contents(file), Contents(damaged));
                using var script = torch.jit.load(damaged, torch.CPU);
                using var input = torch.ones(1, 3);
                using var output = (torch.Tensor)script.forward(input);
                CollectionAssert.AreEqual(new[] { 16f, 35 }, output.data<float>().ToArray());
            }
            Console.WriteLine($"{accepted} of {file.Length + 500}");
            Assert.IsLessThan(harmless * (file.Length + 500), accepted);
        }
    }

    private static string[] Contents(byte[] file)
    {
        using var zip = new ZipArchive(new MemoryStream(file));
        return [.. zip.Entries.Select(entry =>
        {
            using var stream = entry.Open();
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            return $"{entry.FullName} {Convert.ToHexString(copy.ToArray())}";
        })];
    }

    [TestMethod]
    public void ADamagedScriptInAModelFileIsRefused()
    {
        var ml = new MLContext(1);
        var view = View(ml);
        using var model = ml.Transforms.ApplyTorchScriptModel(Write(Saved(Linear)), ["Out"], ["X"]).Fit(view);
        var file = Save(ml, model, view.Schema);
        var random = new Random(1);
        for (var i = 0; i < 500; i++)
        {
            var damaged = file.ToArray();
            damaged[random.Next(file.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                using var loaded = (IDisposable)Load(damaged);
                Flat(((ITransformer)loaded).Transform(view), "Out");
            }
            catch (Exception e) when (e is FormatException or InvalidOperationException or InvalidDataException or IOException or ArgumentException)
            {
            }
        }
    }

    [TestMethod]
    public void MemoryIsFreed()
    {
        var ml = new MLContext(1);
        // 32 MB of weights.
        var path = Write(TorchScriptFile.Create($"{Self}x: Tensor) -> Tensor:\n  return x", ("weight", [1 << 23], new float[1 << 23])));
        var view = View(ml, 2);
        var before = 0L;
        for (var i = 0; i < 24; i++)
        {
            ml.Transforms.ApplyTorchScriptModel(path, ["Out"], ["X"]).Fit(view).Dispose();
            GC.Collect();
            before = i == 3 ? Environment.WorkingSet : before;
        }
        Assert.IsLessThan(before + (300L << 20), Environment.WorkingSet);
    }

    [TestMethod]
    public void NoTensorsAreLeft()
    {
        var ml = new MLContext(1);
        var view = View(ml);
        var path = Write(Linear);
        Flat(ml.Transforms.ApplyTorchScriptModel(path, ["Out"], ["X"]).Fit(view).Transform(view), "Out");
        // Two of the script, loaded twice.
        LeavesNoTensors(4, () =>
        {
            using var model = ml.Transforms.ApplyTorchScriptModel(path, ["Out"], ["X"]).Fit(view);
            Flat(model.Transform(view), "Out");
            using var loaded = (IDisposable)Reload(ml, model);
            Flat(((ITransformer)loaded).Transform(view), "Out");
            Throws<InvalidOperationException>(() => Fit(ml, $"{Self}x: Tensor) -> Tensor:\n  return x", ["Out", "More"], ["X"]));
        });
    }
}
