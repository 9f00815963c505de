using System.IO.Compression;
using System.Reflection;
using System.Reflection.Emit;
using System.Text;
using Microsoft.ML;
using MLNetExtensions.Torch;
using static MLNetExtensions.Tests.OwnModules.Rows;

namespace MLNetExtensions.Tests.OwnModules;

/// <summary>Model files whose factory or network is not what it was, and damaged ones.</summary>
[TestClass]
public sealed class TorchModuleFileTests
{
    private static readonly Lazy<byte[]> s_file = new(() =>
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(60));
        using var model = ml.Regression.Trainers.TorchModule(new TorchModuleRegressionTrainer.Options { ModuleFactory = new Perceptron { Width = 6 }, MaximumNumberOfEpochs = 1, Seed = 1 }).Fit(data);
        return Save(ml, model, data.Schema);
    });

    /// <summary>The file with other options; the header is made to agree.</summary>
    private static byte[] WithOptions(string old, string @new)
    {
        var entries = new Dictionary<string, byte[]>();
        using (var zip = new ZipArchive(new MemoryStream(s_file.Value)))
        {
            foreach (var entry in zip.Entries)
            {
                using var copy = new MemoryStream();
                using var stream = entry.Open();
                stream.CopyTo(copy);
                entries.Add(entry.FullName, copy.ToArray());
            }
        }
        var path = entries.Keys.Single(name => name.EndsWith("options.json", StringComparison.Ordinal));
        var before = entries[path];
        var text = Encoding.UTF8.GetString(before);
        Assert.Contains(old, text);
        var after = entries[path] = Encoding.UTF8.GetBytes(text.Replace(old, @new));
        var key = entries.Keys.Single(name => name.EndsWith("Model.key", StringComparison.Ordinal));
        var header = entries[key];
        var hash = System.Security.Cryptography.SHA256.HashData(before);
        var at = header.AsSpan().IndexOf(hash);
        System.Security.Cryptography.SHA256.HashData(after).CopyTo(header, at);
        BitConverter.TryWriteBytes(header.AsSpan(at - sizeof(long)), (long)after.Length);
        using var result = new MemoryStream();
        using (var zip = new ZipArchive(result, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in entries)
            {
                using var stream = zip.CreateEntry(name).Open();
                stream.Write(bytes);
            }
        }
        return result.ToArray();
    }

    private static string Refusal<T>(byte[] file)
        where T : Exception
    {
        var e = Innermost(() => ((IDisposable)Load(file)).Dispose());
        Assert.IsInstanceOfType<T>(e, e.ToString());
        return e.Message;
    }

    [TestMethod]
    public void AFactoryThatMovedIsFoundByItsName()
    {
        using var model = (IDisposable)Load(WithOptions("OwnModules.Perceptron", "OwnModules.Formerly"));
        Assert.IsInstanceOfType<TorchModuleRegressionTransformer>(model);
    }

    [TestMethod]
    public void AFactoryThatIsNotThereIsNamed()
    {
        Assert.Contains("[TorchModuleFactory(\"test lost\")]", Refusal<InvalidOperationException>(WithOptions("test perceptron", "test lost")));
        var message = Refusal<InvalidOperationException>(WithOptions("MLNetExtensions.Tests, Version", "Nowhere.At.All, Version"));
        Assert.Contains("'test perceptron'", message);
        Assert.Contains("'Nowhere.At.All'", message);
    }

    [TestMethod]
    public void AFactoryThatNothingCanBeIsRefused()
    {
        var assembly = typeof(Perceptron).Assembly.FullName!;
        foreach (var name in new[] { "", " ", ",", "a=b,c", "\\u0000" })
        {
            Assert.Contains("'test perceptron'", Refusal<InvalidOperationException>(WithOptions(assembly, name)));
        }
        // The name of the attribute is what finds it.
        foreach (var type in new[] { "", "[[", "a,b", "*" })
        {
            ((IDisposable)Load(WithOptions("MLNetExtensions.Tests.OwnModules.Perceptron", type))).Dispose();
        }
    }

    [TestMethod]
    public void OtherSettingsOrAnotherNetworkAreNamed()
    {
        Assert.Contains("was saved as Float32 [6, 4]", Refusal<InvalidOperationException>(WithOptions("\"Width\": 6", "\"Width\": 7")));
        Assert.Contains("Breadth", Refusal<InvalidOperationException>(WithOptions("\"Width\": 6", "\"Breadth\": 6")));
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(60));
        using var model = ml.Regression.Trainers.TorchModule(new TorchModuleRegressionTrainer.Options { ModuleFactory = new Chameleon(), MaximumNumberOfEpochs = 1, Seed = 1 }).Fit(data);
        var file = Save(ml, model, data.Schema);
        Chameleon.HasBias = false;
        Assert.Contains("it lacks the saved 'bias'", Refusal<InvalidOperationException>(file));
        Chameleon.HasBias = true;
        ((IDisposable)Load(file)).Dispose();
    }

    [TestMethod]
    public void FactoriesOfAnAssemblyMadeAtRunTimeAreFound()
    {
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("MadeAtRunTime"), AssemblyBuilderAccess.Run);
        var type = assembly.DefineDynamicModule("main").DefineType("Made", TypeAttributes.Public, typeof(Perceptron));
        type.SetCustomAttribute(new CustomAttributeBuilder(typeof(TorchModuleFactoryAttribute).GetConstructors()[0], ["made at run time"]));
        type.DefineDefaultConstructor(MethodAttributes.Public);
        var factory = (TorchModuleFactory)Activator.CreateInstance(type.CreateType())!;
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Points(60));
        using var model = ml.Regression.Trainers.TorchModule(factory, maximumNumberOfEpochs: 1).Fit(data);
        using var loaded = (IDisposable)Reload(ml, model, data.Schema);
        CollectionAssert.AreEqual(Flat(model.Transform(data), "Score"), Flat(((ITransformer)loaded).Transform(data), "Score"));
    }

    [TestMethod]
    public void DamagedFilesAreRefused()
    {
        var file = s_file.Value;
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            var damaged = file.ToArray();
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                ((IDisposable)Load(damaged)).Dispose();
            }
            catch (Exception e) when (e is FormatException or InvalidOperationException or InvalidDataException or IOException)
            {
            }
        }
    }
}

/// <summary>A factory whose code changes between saving and loading.</summary>
[TorchModuleFactory("test chameleon")]
public sealed class Chameleon : TorchModuleFactory
{
    internal static bool HasBias { get; set; } = true;

    public override TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor> Create(TorchModuleContext context)
        => TorchSharp.torch.nn.Linear(context.InputSize, context.OutputSize, hasBias: HasBias);
}
