// A TorchSharp module of one's own as a trainer of ML.NET: train, evaluate, save, load; then a TorchScript file as a transform.
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions;
using MLNetExtensions.Torch;
using OwnModule;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var folder = Directory.CreateDirectory(Path.Combine("artifacts", "own-module")).FullName;

var ml = new MLContext(seed: 1);
var train = ml.Data.LoadFromEnumerable(SpiralPoint.Generate(1500, seed: 1));
var test = ml.Data.LoadFromEnumerable(SpiralPoint.Generate(600, seed: 2));

// Ctrl+C ends the training; the best epoch until then is kept.
using var cancellation = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) =>
{
    key.Cancel = !cancellation.IsCancellationRequested;
    cancellation.Cancel();
};

var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", nameof(SpiralPoint.Arm))
    .Append(ml.MulticlassClassification.Trainers.TorchModule(new TorchModuleMulticlassTrainer.Options
    {
        ModuleFactory = new SpiralNetworkFactory { Width = 48 },
        MaximumNumberOfEpochs = 40,
        LearningRate = 5e-3,
        LearningRateSchedule = LearningRateSchedule.Cosine,
        Patience = 15,
        CancellationToken = cancellation.Token,
        OnCancellation = CancellationBehavior.ReturnBest,
        Progress = new EveryTenth(),
    }))
    .Append(ml.Transforms.Conversion.MapKeyToValue(nameof(SpiralPrediction.PredictedArm), "PredictedLabel"));

Console.WriteLine("Training");
using var model = pipeline.Fit(train);
var scored = model.Transform(test);
var metrics = ml.MulticlassClassification.Evaluate(scored);
Console.WriteLine($"Accuracy on new points: {metrics.MicroAccuracy:P1} (three arms of equal size: chance is 33.3 %)");

// Saved and loaded as any other model. The file names the factory; the program that loads it must hold the class.
var path = Path.Combine(folder, "spirals.zip");
ml.Model.Save(model, train.Schema, path);
using var loaded = (IDisposable)new MLContext().Model.Load(path, out _);
var again = ((ITransformer)loaded).Transform(test);
var equal = scored.GetColumn<float[]>("Score").Zip(again.GetColumn<float[]>("Score")).Count(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
Console.WriteLine($"Saved to {path} and loaded: {equal} of 600 scores are the same to the last bit");

using var engine = ml.Model.CreatePredictionEngine<SpiralPoint, SpiralPrediction>((ITransformer)loaded, new PredictionEngineOptions { OwnsTransformer = false });
var point = SpiralPoint.Generate(1, seed: 3).First();
var prediction = engine.Predict(point);
Console.WriteLine($"({point.Features[0]:F2}, {point.Features[1]:F2}) is {prediction.PredictedArm} with probability {prediction.Score.Max():F3}; it was {point.Arm}");

// A TorchScript file, made in Python by
//     class Polar(torch.nn.Module):
//         def forward(self, x):
//             return torch.sqrt(torch.sum(x * x, 1, keepdim=True)), torch.atan2(x[:, 1:2], x[:, 0:1])
//     torch.jit.save(torch.jit.script(Polar()), "polar.pt")
var polar = ml.Transforms.ApplyTorchScriptModel(new TorchScriptEstimator.Options
{
    ModelFile = Path.Combine(AppContext.BaseDirectory, "polar.pt"),
    InputColumnNames = [nameof(SpiralPoint.Features)],
    OutputColumnNames = [nameof(Polar.Radius), nameof(Polar.Angle)],
    // Scalars instead of vectors of one value.
    OutputShapes = [[], []],
});
using var script = polar.Fit(train);
var scriptPath = Path.Combine(folder, "polar.zip");
ml.Model.Save(script, train.Schema, scriptPath);
using var loadedScript = (IDisposable)new MLContext().Model.Load(scriptPath, out _);
var coordinates = ml.Data.CreateEnumerable<Polar>(((ITransformer)loadedScript).Transform(test), reuseRowObject: false).First();
Console.WriteLine($"TorchScript, from {scriptPath}: the first test point has radius {coordinates.Radius:F3} and angle {coordinates.Angle:F3}");

return equal == 600 ? 0 : 1;

/// <summary>Prints every tenth epoch.</summary>
internal sealed class EveryTenth : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        if (value.Epoch % 10 == 0)
        {
            Console.WriteLine($"  {value}");
        }
    }
}
