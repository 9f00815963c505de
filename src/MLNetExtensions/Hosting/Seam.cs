using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML;

[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Data")]

namespace MLNetExtensions
{
    /// <summary>
    /// The pack uses members of ML.NET that are not public. Whether the version of ML.NET in this process has them is checked once, so that a version that
    /// does not is named plainly instead of by a <see cref="MissingMethodException"/> somewhere on the way.
    /// </summary>
    internal static class Seam
    {
        private const string BuiltFor = "5.0.1";

        private const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

        private static readonly (string Type, string[] Members)[] s_core =
        [
            ("Microsoft.ML.ModelSaveContext", ["CheckAtModel", "SetVersionInfo", "SaveBinaryStream", "Writer", "InRepository"]),
            ("Microsoft.ML.ModelLoadContext", ["CheckAtModel", "TryLoadBinaryStream", "Reader"]),
            ("Microsoft.ML.VersionInfo", [".ctor"]),
            ("Microsoft.ML.LoadableClassAttributeBase", [".ctor"]),
            ("Microsoft.ML.SignatureLoadModel", ["Invoke"]),
            ("Microsoft.ML.Runtime.Contracts", ["CheckAlive", "CheckValue", "Check", "CheckParam", "Except", "ExceptParam", "ExceptSchemaMismatch"]),
            ("Microsoft.ML.Runtime.HostExtensions", ["Info", "Warning", "Trace"]),
            ("Microsoft.ML.Runtime.IHostEnvironmentInternal", ["GpuDeviceId", "FallbackToCpu"]),
            ("Microsoft.ML.SchemaShape", ["Create", "TryFindColumn"]),
            ("Microsoft.ML.SchemaShape+Column", [".ctor", "GetTypeString"]),
            ("Microsoft.ML.Data.AnnotationUtils", ["GetTrainerOutputAnnotation", "AnnotationsForMulticlassScoreColumn", "GetMaxAnnotationKind", "ScoreColumnSetIdType"]),
            ("Microsoft.ML.Data.ColumnTypeExtensions", ["GetItemType", "GetValueCount"]),
        ];

        private static readonly (string Type, string[] Members)[] s_data =
        [
            ("Microsoft.ML.Data.CatalogUtils", ["GetEnvironment"]),
            ("Microsoft.ML.Data.DataViewConstructionUtils", ["CreateFromList"]),
            ("Microsoft.ML.Data.DataViewUtils", ["IsCacheable"]),
            ("Microsoft.ML.DataOperationsCatalog+TrainTestData", [".ctor"]),
            ("Microsoft.ML.Transforms.SkipTakeFilter", ["Create"]),
            ("Microsoft.ML.ISingleFeaturePredictionTransformer", ["FeatureColumnName"]),
            ("Microsoft.ML.Model.OnnxConverter.OnnxContext", ["AddInitializer", "AddIntermediateVariable", "CreateNode", "GetVariableName"]),
            ("Microsoft.ML.Model.OnnxConverter.OnnxNode", ["AddAttribute"]),
            ("Microsoft.ML.Model.OnnxConverter.ISaveAsOnnx", ["SaveAsOnnx"]),
        ];

        private static readonly Lazy<string?> s_misfit = new(() => FindMisfit(typeof(ITransformer).Assembly, s_core) ?? FindMisfit(typeof(MLContext).Assembly, s_data));

        /// <exception cref="InvalidOperationException">This version of ML.NET does not have what the pack needs of it.</exception>
        internal static void Check()
        {
            if (s_misfit.Value is { } misfit)
            {
                throw new InvalidOperationException(misfit);
            }
        }

        internal static string? FindMisfit(Assembly assembly, IEnumerable<(string Type, string[] Members)> needed)
        {
            foreach (var (name, members) in needed)
            {
                var type = assembly.GetType(name);
                var missing = type is null ? name : members.Where(member => type.GetMember(member, Any).Length == 0).Select(member => $"{name}.{member}").FirstOrDefault();
                if (missing is not null)
                {
                    var version = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0];
                    return $"MLNetExtensions was built for Microsoft.ML {BuiltFor} and does not work with {assembly.GetName().Name} {version}: '{missing}' is missing. "
                        + $"Reference Microsoft.ML {BuiltFor}, or a version of MLNetExtensions made for yours.";
                }
            }
            return null;
        }
    }
}

namespace System.Runtime.CompilerServices
{
    /// <summary>CoreCLR honours this attribute by its full name: the assembly may use the internals of the one it names.</summary>
    [AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
    internal sealed class IgnoresAccessChecksToAttribute(string assemblyName) : Attribute
    {
        public string AssemblyName { get; } = assemblyName;
    }
}
